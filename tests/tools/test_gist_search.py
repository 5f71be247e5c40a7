"""A search as a durable call: what is kept while it runs, and that nothing of that stays."""

from collections.abc import Iterator
from typing import Any

import pytest

from gist_mcp import process
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.sessions.calls import cancel_calls
from gist_mcp.sessions.new_call import NewCall, new_request_id
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess
from tests.support.runtime import Runtime
from tests.support.session_world import SessionWorld, running_sessions
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

OCTOCAT = GitHubUserId(583231)
CONTENTS = "/gists/[^/]+"
DEADLINE_SECONDS = 20.0


@pytest.fixture(scope="module")
def github() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def runtime(github: GitHubSimulator) -> Iterator[Runtime]:
    with running_sessions(settings={"GITHUB_API_URL": github.url}) as started:
        yield started


class Searching:
    """Somebody's session, and the searches in it."""

    def __init__(self, runtime: Runtime, github: GitHubSimulator) -> None:
        owner = Principal(
            issuer="https://github.com", user_id=OCTOCAT, login="octocat", client_id="c"
        )
        self.world = SessionWorld(runtime, owner=owner)
        self.github = github
        self.session_id: McpSessionId = self.world.open()
        self.use_token(github.create_token("octocat"))

    def use_token(self, text: str) -> None:
        credential = GitHubCredential(
            token=GitHubToken(text),
            user_id=OCTOCAT,
            login="octocat",
            scopes=frozenset({"gist", "read:user"}),
        )
        process.services().vault.put(self.session_id, credential)

    def begin(self) -> str:
        call = NewCall(
            request_id=new_request_id(),
            json_rpc_id=1,
            name="search_my_gists",
            arguments={"query": "needle"},
            progress_token='"p"',
            may_repeat=False,
            login="octocat",
        )
        beginning = self.world.calls.begin(self.world.runtime.context, self.session_id, call)
        request_id: str = self.world.run(beginning)
        return request_id

    def checkpoints(self) -> list[str]:
        stored: Any = self.world.stored(self.session_id)
        return [record.checkpoint for record in stored.requests.elements if record.checkpoint]


@pytest.fixture
def searching(runtime: Runtime, github: GitHubSimulator) -> Searching:
    # Other gists for each test: what an earlier search has read stays in memory.
    github.reset()
    github.create_gists("octocat", {"a.txt": "one needle\n"}, count=20)
    return Searching(runtime, github)


def held(searching: Searching) -> str:
    """A search that GitHub keeps waiting after some gists, with a checkpoint of these."""
    searching.github.add_fault("hang_before", method="GET", path=CONTENTS, skip=5, times=100)
    request_id = searching.begin()

    def has_checkpoint() -> bool:
        return searching.checkpoints() != []

    wait_until("a checkpoint", has_checkpoint, seconds=DEADLINE_SECONDS)
    return request_id


def test_no_checkpoint_stays_when_a_search_has_ended(searching: Searching) -> None:
    request_id = held(searching)
    searching.github.remove_faults()

    response = searching.world.response(searching.session_id, request_id)

    assert '"found_in_all":20' in response
    assert searching.checkpoints() == []


def test_no_checkpoint_stays_when_a_search_is_cancelled(searching: Searching) -> None:
    request_id = held(searching)

    world = searching.world
    world.run(cancel_calls(world.runtime.context, searching.session_id, 1, now_seconds=0))

    assert "The call was cancelled." in world.response(searching.session_id, request_id)
    assert searching.checkpoints() == []


def test_no_checkpoint_stays_when_the_token_dies_meanwhile(searching: Searching) -> None:
    request_id = held(searching)
    searching.github.revoke_tokens("octocat")
    searching.github.remove_faults()

    assert "Sign in at " in searching.world.response(searching.session_id, request_id)
    assert searching.checkpoints() == []
