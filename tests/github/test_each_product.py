"""The client and the OAuth endpoints against each product of GitHub's, by the same calls."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from gist_mcp.calls.gist_reference import gist_hosts, gist_reference
from gist_mcp.errors import Conflict, NotFound
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.oauth import GitHubOAuth, is_expected_issuer
from gist_mcp.oauth.pkce import s256_challenge
from github_simulator.products import PRODUCT_NAMES
from tests.github.calls import no_pause
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess

pytestmark = pytest.mark.anyio

CALLBACK_URL = "http://localhost:9991/oauth/callback"
VERIFIER = "v" * 43
FILES = {"a.txt": "hello"}
LONG_FILE = {"long.txt": "a" * 1_200_000}


@pytest.fixture(scope="module", params=PRODUCT_NAMES)
def github(request: pytest.FixtureRequest) -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess(callback_urls=[CALLBACK_URL], product=request.param) as running:
        yield running


@pytest.fixture
def client(http: httpx.AsyncClient, github: GitHubSimulator) -> GitHubClient:
    return GitHubClient(http, github.api_url, sleep=no_pause)


@pytest.fixture
def token(github: GitHubSimulator) -> GitHubToken:
    return GitHubToken(github.create_token())


async def test_a_code_becomes_a_token_that_the_app_can_check_and_delete(
    http: httpx.AsyncClient, client: GitHubClient, github: GitHubSimulator
) -> None:
    app = github.client_id, SecretStr(github.client_secret)
    oauth = GitHubOAuth(
        http, web_url=github.url, client_id=app[0], client_secret=app[1], callback_url=CALLBACK_URL
    )
    url = oauth.authorize_url(
        state="s", code_challenge=s256_challenge(VERIFIER), scopes=("gist", "read:user")
    )
    back = httpx.URL(github.approve(url)).params

    granted = await oauth.exchange_code(code=back["code"], code_verifier=VERIFIER)
    checked = await client.check_token(granted.access_token, *app)
    await client.delete_token(granted.access_token, *app)
    gone = await client.check_token(granted.access_token, *app)

    assert is_expected_issuer(back.get("iss"), github.url)
    assert granted.scopes == frozenset({"gist", "read:user"})
    assert checked is not None
    assert checked.login == "octocat"
    assert gone is None


async def test_a_gist_is_made_and_found_by_each_of_its_addresses(
    client: GitHubClient, token: GitHubToken, github: GitHubSimulator
) -> None:
    if github.product == "ghe.com":
        with pytest.raises(Conflict, match="Managed users cannot create gists"):
            await client.create_gist(token, description=None, public=False, files=FILES)
        return
    hosts = gist_hosts(github.url, github.api_url)

    gist = await client.create_gist(token, description=None, public=False, files=FILES)

    raw_url = gist.files[0].raw_url
    assert raw_url is not None
    for address in (gist.html_url, f"{github.api_url}/gists/{gist.id}", raw_url):
        found = gist_reference(address, hosts)
        assert (await client.get_gist(token, found.gist_id)).files[0].content == "hello"


async def test_a_long_file_is_read_or_refused_and_a_page_is_never_taken_for_it(
    client: GitHubClient, token: GitHubToken, github: GitHubSimulator
) -> None:
    (made,) = github.create_gists("octocat", LONG_FILE, public=True)
    gist = await client.get_gist(token, made.gist_id)
    raw_url = gist.files[0].raw_url
    assert raw_url is not None

    if github.product == "github.com":
        assert await client.get_raw(raw_url) == LONG_FILE["long.txt"].encode()
    else:
        with pytest.raises(NotFound, match="signed-in browsers only"):
            await client.get_raw(raw_url)
