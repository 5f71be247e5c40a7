"""A code, a token and a cookie are each bound to one use: elsewhere they are refused."""

from collections.abc import Callable

import httpx
import pytest

from gist_mcp.clients.registry import HAND_CONFIGURED_CLIENT_ID
from gist_mcp.framework.private_names import STATE_REF_HEADER
from gist_mcp.sessions.hop import HOP_HEADER, HOP_LIFETIME_SECONDS, Hop, seal_hop
from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import CODE, PUBLIC_URL, USER, Site, query_of

pytestmark = pytest.mark.integration

OTHER_URL = "https://other.example.com"
EXPIRING = {
    "expires_in": 28800,
    "refresh_token": "ghr_" + "1" * 76,
    "refresh_token_expires_in": 15897600,
}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def another_public_url_with_the_same_key(site: Site) -> None:
    site.configure(PUBLIC_URL=OTHER_URL)


def another_key_at_the_same_public_url(site: Site) -> None:
    site.use_keys("another-key-of-more-than-32-characters")


@pytest.mark.parametrize(
    "other_server", [another_public_url_with_the_same_key, another_key_at_the_same_public_url]
)
def test_a_code_and_a_refresh_token_open_at_their_own_server_only(
    site: Site, other_server: Callable[[Site], None]
) -> None:
    # This client is the same at every server, so that nothing but the seal tells them apart.
    client = OAuthClient(site=site, client_id=HAND_CONFIGURED_CLIENT_ID)
    code, refresh_token = client.code(), client.tokens()["refresh_token"]
    own_sealer = site.sealer

    other_server(site)
    elsewhere = [client.redeem(code), client.refresh(refresh_token)]
    revoked = client.revoke(refresh_token)
    site.sealer = own_sealer
    site.configure()
    at_home = [client.redeem(code), client.refresh(refresh_token)]

    assert [error_of(each) for each in elsewhere] == [(400, "invalid_grant")] * 2
    # RFC 7009, 2.2: nothing to revoke is no error.
    assert revoked.status_code == 200
    assert [each.status_code for each in at_home] == [200, 200]


def test_a_client_that_registered_at_another_public_url_is_none_here(site: Site) -> None:
    client = register(site)
    site.configure(PUBLIC_URL=OTHER_URL)

    assert client.authorize().status_code == 400


def test_a_clients_request_comes_back_with_its_own_state_only(site: Site) -> None:
    client = register(site)
    states = [
        query_of(client.decide(client.authorize()).headers["location"])["state"] for _ in range(2)
    ]
    cookies = dict(site.browser.cookies)
    browser_name, first_name, second_name = cookies
    swapped = {first_name: cookies[second_name], second_name: cookies[first_name]}

    def come_back(oauth_state: str, brought: dict[str, str]) -> httpx.Response:
        header = "; ".join(f"{name}={value}" for name, value in brought.items())
        return site.come_back(
            code=CODE, state=oauth_state, browser=site.new_browser(), headers={"cookie": header}
        )

    refused = come_back(states[0], cookies | swapped)
    asked_so_far = len(site.github.requests)
    answered = come_back(states[1], cookies)

    assert "browser" in browser_name
    assert (refused.status_code, "location" in refused.headers) == (400, False)
    assert asked_so_far == 0
    assert answered.status_code == 302


def test_both_cookies_of_a_clients_sign_in_are_bound_to_the_host(site: Site) -> None:
    client = register(site)

    decided = client.decide(client.authorize())

    cookies = decided.headers.get_list("set-cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        name, *attributes = cookie.split("; ")
        assert name.startswith("__Host-gist-mcp-")
        assert set(attributes) == {"HttpOnly", "Max-Age=86400", "Path=/", "SameSite=lax", "Secure"}


def test_a_refresh_for_another_resource_is_refused_and_uses_nothing_up(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]

    refused = client.refresh(refresh_token, resource=f"{OTHER_URL}/mcp")
    ours = client.refresh(refresh_token, resource=f"{PUBLIC_URL}/mcp")

    assert error_of(refused) == (400, "invalid_target")
    assert ours.status_code == 200


def test_a_refresh_for_which_github_names_another_account_ends_the_grant(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.github.user = USER | {"id": 1, "login": "mallory"}

    refused = client.refresh(refresh_token)
    site.github.user = USER

    assert error_of(refused) == (400, "invalid_grant")
    assert error_of(client.refresh(refresh_token)) == (400, "invalid_grant")


def test_a_refresh_tells_the_scopes_that_github_grants_now(site: Site) -> None:
    client = register(site)
    refresh_token = client.tokens()["refresh_token"]
    site.github.scopes = "read:user"

    assert client.refresh(refresh_token).json()["scope"] == "read:user"


def test_a_refresh_at_github_tells_the_new_scopes_too(site: Site) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    refresh_token = client.tokens()["refresh_token"]
    site.github.answer_with(**EXPIRING, scope="read:user")

    assert client.refresh(refresh_token).json()["scope"] == "read:user"


@pytest.mark.parametrize(
    ("age_seconds", "hops", "status"),
    [
        (0, 0, 200),
        (HOP_LIFETIME_SECONDS, 0, 200),
        # Not forwarded once more, and no error upon which a client would drop its token.
        (HOP_LIFETIME_SECONDS + 1, 0, 503),
        (-HOP_LIFETIME_SECONDS - 1, 0, 503),
        (None, 1, 200),
    ],
)
def test_the_header_of_a_forwarded_request_is_accepted_for_half_a_minute(
    site: Site, age_seconds: int | None, hops: int, status: int
) -> None:
    client = register(site)
    site.github.answer_with(**EXPIRING)
    form = {"grant_type": "refresh_token", "client_id": client.client_id}
    form |= {"refresh_token": client.tokens()["refresh_token"]}
    seen: list[httpx.Request] = []

    async def note(request: httpx.Request) -> None:
        seen.append(request)

    site.app.state.deps.internal_http.event_hooks = {"request": [note]}
    headers = {HOP_HEADER: "forged"}
    if age_seconds is not None:
        hop = Hop(method="POST", path="/oauth/token", state_ref="owner")
        sealed = seal_hop(site.sealer, hop, now_seconds=site.now - age_seconds)
        headers = {HOP_HEADER: sealed, STATE_REF_HEADER: hop.state_ref}

    answer = site.post("/oauth/token", data=form, headers=headers)

    assert answer.status_code == status
    assert len(seen) == hops
