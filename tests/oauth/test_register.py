"""Registration: what is accepted, what the response says, and what is refused."""

import json
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import OAuthError
from gist_mcp.oauth.register import MAX_REDIRECT_URIS, parse_registration
from tests.oauth.oauth_client import REDIRECT_URI, register
from tests.oauth.site import PUBLIC_URL, Site


def test_a_public_client_gets_an_id_and_no_secret(site: Site) -> None:
    answer = site.post(
        "/oauth/register",
        json={
            "client_name": "Gemini\u202eCLI",
            "redirect_uris": ["http://localhost:7777/oauth/callback"],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "",
            "application_type": "native",
        },
    )

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert body["client_name"] == "GeminiCLI"
    assert body["redirect_uris"] == ["http://localhost:7777/oauth/callback"]
    assert body["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in body


@pytest.mark.parametrize("method", [None, "client_secret_basic", "client_secret_post"])
def test_a_client_that_wants_a_secret_gets_one(site: Site, method: str | None) -> None:
    metadata = {} if method is None else {"token_endpoint_auth_method": method}

    body = site.post("/oauth/register", json={"redirect_uris": [REDIRECT_URI], **metadata}).json()

    # RFC 7591, 2: without a method it is basic.
    assert body["token_endpoint_auth_method"] == (method or "client_secret_basic")
    assert body["client_secret"]
    assert body["client_secret_expires_at"] == 0


def test_a_registration_asks_durable_state_nothing(site: Site) -> None:
    def no_durable_state(_: object) -> NoReturn:
        raise AssertionError("a registration went to durable state")

    site.app.state.deps.reboot_context = no_durable_state

    public = register(site)
    confidential = register(site, token_endpoint_auth_method="client_secret_post")

    assert public.client_id != confidential.client_id


def test_two_registrations_are_two_clients(site: Site) -> None:
    assert register(site).client_id != register(site).client_id


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": "https://a.example/"}, "invalid_redirect_uri"),
        ({"redirect_uris": [1]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://a.example/#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://a.example/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [REDIRECT_URI, 7]}, "invalid_redirect_uri"),
        ({"redirect_uris": [REDIRECT_URI, [REDIRECT_URI]]}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"redirect_uris": [None]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["workbuddy:"]}, "invalid_redirect_uri"),
        (
            {"redirect_uris": [f"https://a.example/{number}" + "a" * 480 for number in range(9)]},
            "invalid_client_metadata",
        ),
        (
            {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "private_key_jwt"},
            "invalid_client_metadata",
        ),
        (
            {"redirect_uris": [REDIRECT_URI], "grant_types": ["client_credentials"]},
            "invalid_client_metadata",
        ),
        (
            {"redirect_uris": [REDIRECT_URI], "response_types": ["token"]},
            "invalid_client_metadata",
        ),
        ({"redirect_uris": [REDIRECT_URI], "client_name": {}}, "invalid_client_metadata"),
    ],
)
def test_what_is_wrong_is_named(site: Site, metadata: dict[str, Any], error: str) -> None:
    answer = site.post("/oauth/register", json=metadata)

    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{", b"null", b'"x"', b"{}" * 9000])
def test_a_body_that_is_no_registration_is_refused(site: Site, body: bytes) -> None:
    answer = site.post("/oauth/register", content=body)

    assert answer.status_code in (400, 413)
    assert answer.json()["error"].startswith("invalid_")


@pytest.mark.parametrize("refused", ["view-source:/x", "javascript:alert(1)", "data:,x"])
def test_a_refused_redirect_uri_is_left_out_and_the_answer_says_so(
    site: Site, refused: str
) -> None:
    wanted = [refused, REDIRECT_URI, refused, REDIRECT_URI]

    answer = site.post("/oauth/register", json={"redirect_uris": wanted})

    body = answer.json()
    assert (answer.status_code, body["redirect_uris"]) == (201, [REDIRECT_URI])
    assert body["redirect_uris_left_out"] == [refused]
    assert "must be https" in body["redirect_uris_left_out_reason"]


def test_a_registration_of_many_redirect_uris_keeps_the_first_good_ones(site: Site) -> None:
    many = [f"https://a.example/{number}" for number in range(MAX_REDIRECT_URIS + 2)]

    body = site.post("/oauth/register", json={"redirect_uris": ["data:,x", *many]}).json()

    assert body["redirect_uris"] == many[:MAX_REDIRECT_URIS]
    assert body["redirect_uris_left_out"] == ["data:,x", *many[MAX_REDIRECT_URIS:]]
    assert f"The first {MAX_REDIRECT_URIS}" in body["redirect_uris_left_out_reason"]


@pytest.mark.parametrize("uri", ["workbuddy://callback", "myapp:/cb", "com.example.app:/cb"])
def test_an_app_registers_its_own_scheme(site: Site, uri: str) -> None:
    body = site.post("/oauth/register", json={"redirect_uris": [uri]}).json()

    assert body["redirect_uris"] == [uri]
    assert "redirect_uris_left_out" not in body


@pytest.mark.parametrize(
    "metadata",
    [
        {"redirect_uris": [None, REDIRECT_URI, None]},
        {"token_endpoint_auth_method": None},
        {"grant_types": None, "response_types": None, "client_name": None, "scope": None},
        {"grant_types": [None], "response_types": [None, "code"]},
        {"grant_types": [], "response_types": []},
        {"client_uri": None, "logo_uri": None, "contacts": None, "jwks": None},
        {
            "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
            "response_types": ["code", "token"],
        },
    ],
)
def test_nulls_are_absent_and_strange_values_beside_good_ones_do_no_harm(
    site: Site, metadata: dict[str, Any]
) -> None:
    answer = site.post("/oauth/register", json={"redirect_uris": [REDIRECT_URI], **metadata})

    body = answer.json()
    assert (answer.status_code, body["redirect_uris"]) == (201, [REDIRECT_URI])
    assert body["grant_types"] == ["authorization_code", "refresh_token"]
    assert body["response_types"] == ["code"]
    assert body["token_endpoint_auth_method"] == "client_secret_basic"
    assert "redirect_uris_left_out" not in body


def test_an_unknown_method_of_authentication_is_refused_with_the_known_ones(site: Site) -> None:
    metadata = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "tls_client_auth"}

    said = site.post("/oauth/register", json=metadata).json()["error_description"]

    assert "none, client_secret_post, client_secret_basic" in said


def test_a_redirect_uri_that_was_left_out_gets_no_answer(site: Site) -> None:
    client = register(site, redirect_uris=[REDIRECT_URI, "javascript:alert(1)"])

    assert client.authorize().status_code == 200
    assert client.authorize(redirect_uri="javascript:alert(1)").status_code == 400


@pytest.mark.integration
def test_a_long_registration_still_works(site: Site) -> None:
    uris = [f"https://a.example/{number}" + "a" * 200 for number in range(10)]

    client = register(site, redirect_uris=uris, client_name="n" * 1000)

    assert client.redeem(client.code()).status_code == 200


def test_a_client_id_works_on_the_server_that_gave_it_only(site: Site) -> None:
    client = register(site)
    site.configure(PUBLIC_URL="https://other.example.com")

    assert client.authorize().status_code == 400
    site.configure(PUBLIC_URL=PUBLIC_URL)
    assert client.authorize().status_code == 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["redirect_uris", "client_name", "grant_types", "response_types", "token_endpoint_auth_method"]
)


@given(st.binary(max_size=200) | st.dictionaries(NAMES, JSON).map(lambda d: json.dumps(d).encode()))
def test_any_body_is_a_registration_or_a_named_refusal(body: bytes) -> None:
    try:
        parse_registration(body)
    except OAuthError as refused:
        assert refused.code in ("invalid_redirect_uri", "invalid_client_metadata")
