"""Each client signs in, calls a tool, outlives the server, refreshes, and is denied."""

import pytest

from tests.mcp_clients.lives import Life, Place, Story, be_denied, live_through_a_kill
from tests.mcp_clients.person import query_of
from tests.mcp_clients.programs import CLIENTS
from tests.support.world import World

# The first run on a machine installs the clients, hundreds of megabytes of them.
pytestmark = pytest.mark.timeout(900)

TELLS = {
    "fastmcp-3.4": ("Access was denied",),
    "fastmcp-4.1": ("Access was denied",),
    "inspector-cli-2.12": ("The user did not agree", "access was denied"),
}
"""How a client says that it was denied, where it does not name the error: in its own words, or in
those that we send along."""


@pytest.fixture(scope="module")
def lives(server: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Life]:
    server.github.reset()
    return live_through_a_kill(server, tmp_path_factory.mktemp("lives"))


@pytest.fixture(params=CLIENTS)
def life(request: pytest.FixtureRequest, lives: dict[str, Life]) -> Life:
    return followed(lives[request.param])


@pytest.fixture(scope="module", params=["our page", "GitHub"])
def denials(
    request: pytest.FixtureRequest, server: World, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Story]:
    server.github.reset()
    place: Place = request.param
    return be_denied(server, tmp_path_factory.mktemp("denials"), place)


def followed[S: Story](story: S) -> S:
    """The story, if it could be followed to its end."""
    if story.not_installed is not None:
        pytest.skip(story.not_installed)
    assert story.failure is None, story.failure
    return story


def test_it_signs_in_and_calls_a_tool(life: Life, server: World) -> None:
    (sent_to,) = life.sent_to

    assert query_of(sent_to)["iss"] == server.server.url
    assert life.told.get("called") == life.account, life.told
    assert life.told["scope"] == "gist read:user"


def test_it_goes_on_after_the_server_was_killed(life: Life) -> None:
    assert life.told.get("after_the_kill") == life.account, life.told


def test_it_refreshes_its_token(life: Life) -> None:
    assert life.told.get("after_an_hour") == life.account, life.told
    assert life.told["refreshed"]


def test_it_starts_again_without_a_browser(life: Life) -> None:
    assert life.told_again.get("called") == life.account, life.told_again


@pytest.mark.parametrize("name", CLIENTS)
def test_it_is_denied_and_says_so(name: str, denials: dict[str, Story], server: World) -> None:
    denial = followed(denials[name])

    (sent_to,) = denial.sent_to
    answer = query_of(sent_to)
    assert answer["error"] == "access_denied"
    assert answer["iss"] == server.server.url
    assert answer["state"]
    said = denial.told["error"]
    assert any(words in said for words in TELLS.get(name, ("access_denied",))), said
    assert "called" not in denial.told


def test_nobody_who_was_denied_has_a_token(denials: dict[str, Story], server: World) -> None:
    assert any(denial.told for denial in denials.values())
    assert server.github.requests("POST", "/login/oauth/access_token") == []
