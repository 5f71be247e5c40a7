"""`docker stop` of the image in the middle of a call, and a new start on the same volume."""

import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.container.running import Container, Stopped
from tests.support.github_simulator import GitHubSimulator, StoredGist
from tests.support.mcp_client import McpClient, ToolResult
from tests.support.sign_in import SignedIn, sign_in
from tests.support.world import configured

DESCRIPTION = "made while the container stopped"


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a person saw of two runs, between which somebody changed the count of servers."""

    stops: dict[str, Stopped]
    port_was_free: dict[str, bool]
    profile_before: ToolResult
    profile_after: ToolResult
    interrupted: ToolResult
    gists: list[StoredGist]
    log: str
    secrets: list[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Two starts."""
    container = Container(tmp_path_factory.mktemp("container"))
    with configured(container) as github:
        try:
            yield told(container, github)
        finally:
            container.kill()


def told(container: Container, github: GitHubSimulator) -> Story:
    """The image's own stop signal after the first run, SIGTERM after the second."""
    numbers = [signal.Signals[container.image.stop_signal], signal.SIGTERM]
    stops, port_was_free = {}, {}
    container.start()
    person: SignedIn = sign_in(container.url, github)
    client = McpClient(container.mcp_url, person.access_token).open()
    profile_before = client.call("get_my_profile").wait()
    held = github.add_fault("hang_after", method="POST", path="/gists")
    call = client.call(
        "create_gist", description=DESCRIPTION, filename="notes.md", content="# Notes\n"
    )
    held.wait_until_held()
    call.wait_for_event()

    stops["the image's"] = container.stop(numbers[0])
    port_was_free["the image's"] = is_free(container.port)
    call.wait_until_broken()
    assert call.result is None
    container.settings["RBT_SERVERS"] = "1"
    container.start()
    interrupted = call.resume().wait()
    profile_after = client.call("get_my_profile").wait()
    stops["SIGTERM"] = container.stop(numbers[1])
    port_was_free["SIGTERM"] = is_free(container.port)
    return Story(
        stops=stops,
        port_was_free=port_was_free,
        profile_before=profile_before,
        profile_after=profile_after,
        interrupted=interrupted,
        gists=[gist for gist in github.gists() if gist.description == DESCRIPTION],
        log=container.log(),
        secrets=[person.access_token, container.settings["TOKEN_KEYS"], github.client_secret],
    )


def is_free(port: int) -> bool:
    """True if nobody listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("stop", ["the image's", "SIGTERM"])
def test_a_stop_signal_ends_everything_in_time_and_counts_as_success(
    story: Story, stop: str
) -> None:
    assert story.stops[stop].exit_code == 0
    assert not story.stops[stop].survivors
    assert story.port_was_free[stop]


def test_a_session_goes_on_after_the_stop_with_another_count_of_servers(story: Story) -> None:
    for profile in (story.profile_before, story.profile_after):
        assert not profile.is_error, profile
        assert profile.structured["login"] == "octocat"


def test_a_call_that_the_stop_interrupted_is_finished_once(story: Story) -> None:
    assert not story.interrupted.is_error, story.interrupted
    assert len(story.gists) == 1
    assert story.gists[0].gist_id in story.interrupted.text


def test_the_log_of_starts_and_stops_has_no_secret_and_no_traceback(story: Story) -> None:
    assert not [secret for secret in story.secrets if secret in story.log]
    assert "Traceback" not in story.log
