"""A client's sign-in up to its code, and the attacks on it, over HTTP in process."""

import re
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from gist_mcp.clients.registry import HAND_CONFIGURED_CLIENT_ID
from tests.mcp_clients.person import read_form
from tests.oauth.oauth_client import FORM, REDIRECT_URI, OAuthClient, register
from tests.oauth.site import CODE, PUBLIC_URL, Site, query_of


@pytest.mark.integration
def test_a_client_gets_its_code_state_and_our_issuer(site: Site) -> None:
    client = register(site)

    answer = client.return_from_github()

    query = query_of(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{REDIRECT_URI}?")
    assert (query["state"], query["iss"]) == (client.state, PUBLIC_URL)
    assert set(query) == {"code", "state", "iss"}
    assert len(query["code"]) < 1500
    assert answer.headers["cache-control"] == "no-store"


def test_the_page_says_who_wants_what_and_where_the_answer_goes(site: Site) -> None:
    client = register(site, client_name="Zed <script>", redirect_uris=["https://zed.example/cb"])

    page = client.authorize()

    assert page.status_code == 200
    assert "Zed &lt;script&gt;" in page.text
    assert "zed.example" in page.text
    assert "create, change and delete your gists" in page.text
    assert "GitHub" in page.text


@pytest.mark.integration
def test_asking_uses_up_nothing_and_reaches_nobody(site: Site) -> None:
    client = register(site)
    fetched_by_the_client = client.authorize(browser=site.new_browser())

    code = client.code()

    assert fetched_by_the_client.status_code == 200
    assert client.redeem(code).status_code == 200


def test_the_page_cannot_be_framed_stored_or_scripted(site: Site) -> None:
    headers = register(site).authorize().headers

    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "'unsafe-inline'" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_the_forms_policy_covers_every_redirect_that_follows(site: Site) -> None:
    policy = register(site).authorize().headers["content-security-policy"]

    sources = re.search(r"form-action ([^;]*)", policy)
    assert sources is not None
    assert sources.group(1).split() == ["'self'", "https://github.com", "http://127.0.0.1:5555"]


def test_denial_goes_to_the_client_and_never_to_github(site: Site) -> None:
    client = register(site)

    answer = client.decide(client.authorize(), "deny")

    query = query_of(answer.headers["location"])
    assert answer.status_code == 303
    assert (query["error"], query["state"]) == ("access_denied", client.state)
    assert query["iss"] == PUBLIC_URL
    assert site.github.requests == []


@pytest.mark.integration
def test_denial_at_github_goes_to_the_client_once(site: Site) -> None:
    client = register(site)
    location = client.decide(client.authorize()).headers["location"]
    oauth_state = query_of(location)["state"]

    denied = site.come_back(error="access_denied", state=oauth_state)
    again = site.come_back(code=CODE, state=oauth_state)

    query = query_of(denied.headers["location"])
    assert (query["error"], query["state"]) == ("access_denied", client.state)
    assert query["iss"] == PUBLIC_URL
    assert again.status_code == 400
    assert site.github.requests == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("github", "error"),
    [
        (httpx.Response(503), "temporarily_unavailable"),
        (httpx.Response(200, json={"error": "bad_verification_code"}), "server_error"),
        (httpx.Response(200, json={"error": "unverified_user_email"}), "access_denied"),
    ],
)
def test_github_failing_is_told_to_the_client(
    site: Site, github: httpx.Response, error: str
) -> None:
    site.github.token_answer = github

    answer = register(site).return_from_github()

    assert query_of(answer.headers["location"])["error"] == error


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": PUBLIC_URL + ":8443/mcp"}, "invalid_target"),
        ({"state": "s" * 1025}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_told_to_a_known_client(
    site: Site, changes: dict[str, str | None], error: str
) -> None:
    client = register(site)

    answer = client.authorize(**changes)

    query = query_of(answer.headers["location"])
    assert answer.status_code == 302
    assert (query["error"], query["iss"]) == (error, PUBLIC_URL)
    assert query["state"] == changes.get("state", client.state)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:5555/other"},
        {"redirect_uri": "http://127.0.0.1.evil.example:5555/callback"},
        {"redirect_uri": "http://127.0.0.1:5555@evil.example/callback"},
        {"redirect_uri": "http://localhost:5555/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": None},
        {"client_id": "ggm_client_AAAA"},
        {"client_id": "https://evil.example/client.json"},
        {"client_id": None},
    ],
)
def test_nothing_is_sent_to_an_address_that_is_not_the_clients(
    site: Site, changes: dict[str, str | None]
) -> None:
    answer = register(site).authorize(**changes)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil.example" not in answer.text


def test_a_link_to_us_carries_no_person_to_a_registered_site_unasked(site: Site) -> None:
    client = register(site, redirect_uris=["https://evil.example/phish"])

    in_a_browser = client.authorize(response_type="token")
    in_a_program = site.get("/oauth/authorize", params=client.parameters(response_type="token"))

    assert in_a_browser.status_code == 400
    assert "location" not in in_a_browser.headers
    assert 'href="https://evil.example/phish?error=unsupported_response_type' in in_a_browser.text
    assert in_a_program.status_code == 302


def test_a_link_to_us_opens_no_app_unasked(site: Site) -> None:
    client = register(site, redirect_uris=["com.example.app:/callback"])

    in_a_browser = client.authorize(response_type="token")
    in_a_program = site.get("/oauth/authorize", params=client.parameters(response_type="token"))

    assert in_a_browser.status_code == 400
    assert "location" not in in_a_browser.headers
    assert "the app behind com.example.app://" in in_a_browser.text
    assert 'href="com.example.app:/callback?error=unsupported_response_type' in in_a_browser.text
    assert in_a_program.status_code == 302


@pytest.mark.integration
def test_a_loopback_client_may_come_with_another_port(site: Site) -> None:
    client = register(site, redirect_uris=["http://127.0.0.1/"])
    client.redirect_uri = "http://127.0.0.1:33418/"

    answer = client.return_from_github()

    assert answer.headers["location"].startswith("http://127.0.0.1:33418/?code=")


@pytest.mark.parametrize("scheme", ["workbuddy", "a" + "-" * 78 + "a"])
def test_the_consent_page_shows_the_whole_scheme_of_an_app_and_where_in_it(
    site: Site, scheme: str
) -> None:
    uri = f"{scheme}://callback/" + "x" * 400

    page = register(site, redirect_uris=[uri]).authorize()

    assert f"<strong>the app behind {scheme}://</strong><br><code>{uri}</code>" in page.text
    assert f" {scheme}:;" in page.headers["content-security-policy"] + ";"


@pytest.mark.integration
def test_an_app_gets_its_answer_by_its_own_scheme(site: Site) -> None:
    client = register(site, redirect_uris=["cursor://anysphere.cursor-mcp/oauth/callback"])

    location = client.return_from_github().headers["location"]

    assert location.startswith("cursor://anysphere.cursor-mcp/oauth/callback?code=")


@pytest.mark.integration
def test_a_query_of_the_redirect_uri_is_kept(site: Site) -> None:
    client = register(site, redirect_uris=["https://app.example/cb?tenant=a%20b"])

    query = query_of(client.return_from_github().headers["location"])

    assert query["tenant"] == "a b"
    assert "code" in query


@pytest.mark.parametrize(
    "query",
    [
        "code=mine",
        "tenant=1&state=mine",
        "iss=https://evil.example",
        "error=access_denied",
        "error_description=x",
        "error_uri=x",
        "code",
        "%63ode=mine",
        "a=1;code=mine",
    ],
)
def test_a_redirect_uri_with_an_answer_in_it_already_is_refused(site: Site, query: str) -> None:
    uri = f"http://127.0.0.1:5555/callback?{query}"
    by_hand = OAuthClient(site=site, client_id=HAND_CONFIGURED_CLIENT_ID, redirect_uri=uri)

    registered = site.post("/oauth/register", json={"redirect_uris": [uri]})
    authorized = by_hand.authorize()

    assert (registered.status_code, registered.json()["error"]) == (400, "invalid_redirect_uri")
    assert (authorized.status_code, "location" in authorized.headers) == (400, False)


@pytest.mark.parametrize("query", ["tenant=1", "codes=1", "Code=1", "errors=1", "x=code"])
def test_a_redirect_uri_may_have_other_parameters(site: Site, query: str) -> None:
    client = register(site, redirect_uris=[f"http://127.0.0.1:5555/callback?{query}"])

    assert client.authorize().status_code == 200


@pytest.mark.integration
def test_a_resource_may_be_named_more_than_once(site: Site) -> None:
    client = register(site)
    ours = [("resource", f"{PUBLIC_URL}/mcp"), ("resource", f"{PUBLIC_URL}/mcp/")]
    form = client.redemption(client.code())

    page = site.get("/oauth/authorize", params=[*client.parameters().items(), *ours])
    redeemed = site.post("/oauth/token", content=urlencode([*form.items(), *ours]), headers=FORM)

    assert page.status_code == 200
    assert redeemed.status_code == 200


@pytest.mark.integration
@pytest.mark.parametrize(
    "others", [["https://other.example/mcp"], [" "], ["\u00e9"], [f"{PUBLIC_URL}/mcp x"]]
)
def test_a_resource_beside_ours_that_is_not_ours_is_told_to_the_client(
    site: Site, others: list[str]
) -> None:
    client = register(site)
    resources = [("resource", each) for each in [f"{PUBLIC_URL}/mcp", *others]]
    form = client.redemption(client.code())

    asked = site.get("/oauth/authorize", params=[*client.parameters().items(), *resources])
    redeemed = site.post(
        "/oauth/token", content=urlencode([*form.items(), *resources]), headers=FORM
    )

    query = query_of(asked.headers["location"])
    assert asked.headers["location"].startswith(REDIRECT_URI)
    assert (query["error"], query["state"]) == ("invalid_target", client.state)
    assert (redeemed.status_code, redeemed.json()["error"]) == (400, "invalid_target")


@pytest.mark.parametrize("state", ["\u00e9t\u00e9", "\u202e", "a\r\nb", "\x00", "\U0001f600"])
def test_a_state_of_other_characters_is_told_to_the_client_with_that_state(
    site: Site, state: str
) -> None:
    client = register(site)

    answer = client.authorize(state=state)

    query = query_of(answer.headers["location"])
    assert answer.headers["location"].startswith(REDIRECT_URI)
    assert answer.headers["location"].isascii()
    assert (query["error"], query["state"]) == ("invalid_request", state)


@pytest.mark.integration
def test_only_known_scopes_are_asked_for_and_none_means_all(site: Site) -> None:
    client = register(site)

    def asked(**changes: str) -> str:
        location = client.decide(client.authorize(**changes)).headers["location"]
        return query_of(location)["scope"]

    assert asked() == "gist read:user"
    assert asked(scope="read:user repo openid") == "read:user"
    assert asked(scope="repo") == "gist read:user"


def test_another_site_cannot_press_the_button(site: Site) -> None:
    client = register(site)
    page = client.authorize()
    attackers_page = client.authorize(browser=site.new_browser())

    without_cookie = site.post("/oauth/consent", data=_approve(page))
    with_the_attackers_form = site.post(
        "/oauth/consent", data=_approve(attackers_page), browser=site.browser
    )
    forged = site.post(
        "/oauth/consent", data={"request": "x", "decision": "approve"}, browser=site.browser
    )

    for answer in (without_cookie, with_the_attackers_form, forged):
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_a_form_without_a_decision_decides_nothing(site: Site) -> None:
    page = register(site).authorize()

    answer = site.post("/oauth/consent", data=read_form(page.text), browser=site.browser)

    assert answer.status_code == 400


def test_a_page_that_was_open_for_too_long_is_refused(site: Site) -> None:
    client = register(site)
    page = client.authorize()
    site.now += 600

    assert client.decide(page).status_code == 400


@pytest.mark.integration
def test_another_browser_gets_no_code(site: Site) -> None:
    client = register(site)
    location = client.decide(client.authorize()).headers["location"]
    oauth_state = query_of(location)["state"]

    stranger = site.come_back(code=CODE, state=oauth_state, browser=site.new_browser())
    owner = site.come_back(code=CODE, state=oauth_state)

    assert stranger.status_code == 400
    assert "location" not in stranger.headers
    assert owner.status_code == 302


@pytest.mark.integration
def test_a_client_flow_never_ends_with_githubs_token_on_a_page(site: Site) -> None:
    client = register(site)
    location = client.decide(client.authorize()).headers["location"]
    for name in [name for name in site.browser.cookies if "request" in name]:
        site.browser.cookies.delete(name)

    answer = site.come_back(code=CODE, state=query_of(location)["state"])

    assert answer.status_code == 400
    assert site.github.requests == []


@pytest.mark.integration
def test_the_answer_of_another_authorization_server_is_refused(site: Site) -> None:
    client = register(site)
    location = client.decide(client.authorize()).headers["location"]
    given = {"code": CODE, "state": query_of(location)["state"]}

    answer = site.come_back(**given, iss="https://evil.example/login/oauth")

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert site.github.requests == []


@pytest.mark.integration
def test_two_tabs_of_two_clients_each_get_their_own(site: Site) -> None:
    first, second = register(site), register(site)
    states = [
        query_of(client.decide(client.authorize()).headers["location"])["state"]
        for client in (first, second)
    ]

    answers = [
        site.come_back(code=f"{number:020x}", state=state) for number, state in enumerate(states)
    ]

    queries = [query_of(answer.headers["location"]) for answer in answers]
    assert [query["state"] for query in queries] == [first.state, second.state]
    assert second.redeem(queries[0]["code"]).status_code == 400
    assert first.redeem(queries[0]["code"]).status_code == 200


@pytest.mark.integration
def test_abandoned_sign_ins_do_not_fill_the_browser_with_cookies(site: Site) -> None:
    client = register(site)
    for _ in range(10):
        client.decide(client.authorize())

    names = [name for name in site.browser.cookies if "request" in name]

    assert 1 <= len(names) <= 4
    assert client.return_from_github().status_code == 302


@pytest.mark.integration
def test_the_hand_configured_client_works_on_loopback_only(site: Site) -> None:
    client = OAuthClient(site=site, client_id=HAND_CONFIGURED_CLIENT_ID)

    refused = client.authorize(redirect_uri="https://evil.example/callback")
    answer = client.redeem(client.code())

    assert refused.status_code == 400
    assert answer.status_code == 200


def test_consent_survives_hostile_forms(site: Site) -> None:
    for body in (b"", b"\xff", b"request=" + b"a" * 5000, b"decision=approve&decision=deny"):
        answer = site.post(
            "/oauth/consent",
            content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
            browser=site.browser,
        )
        assert answer.status_code == 400, body


def _approve(page: httpx.Response) -> dict[str, str]:
    assert urlsplit(str(page.url)).path == "/oauth/authorize"
    return {**read_form(page.text), "decision": "approve"}
