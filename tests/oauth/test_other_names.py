"""The endpoints at the paths that clients guess, and forms with the content types they send."""

import pytest

from gist_mcp.http.cross_origin import OAUTH, RULES
from gist_mcp.http.limits import is_limited
from tests.oauth.oauth_client import REDIRECT_URI, register
from tests.oauth.site import Site

TOKEN_PATHS = ("/token", "/token/", "/oauth/token", "/oauth/token/")


@pytest.mark.integration
@pytest.mark.parametrize("path", TOKEN_PATHS)
def test_a_refresh_works_under_every_name_of_the_token_endpoint(site: Site, path: str) -> None:
    client = register(site)
    tokens = client.tokens()

    answer = site.post(
        path,
        data={
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            "client_id": client.client_id,
        },
    )

    assert answer.status_code == 200
    assert answer.json()["access_token"]


@pytest.mark.parametrize("path", ["/register", "/register/", "/oauth/register/"])
def test_a_registration_works_under_every_name(site: Site, path: str) -> None:
    assert site.post(path, json={"redirect_uris": [REDIRECT_URI]}).status_code == 201


@pytest.mark.integration
@pytest.mark.parametrize("name", ["authorize", "register", "revoke", "token"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_names_at_the_root_answer_and_are_limited_like_those_under_oauth(
    site: Site, name: str, slash: str
) -> None:
    for method in ("GET", "HEAD", "POST"):
        at_root, under_oauth = (
            site.run(site.browser.request(method, f"{prefix}/{name}{slash}"))
            for prefix in ("", "/oauth")
        )
        assert at_root.status_code == under_oauth.status_code != 404
    # What a client brings to the others is genuine by its seal, or counted as garbage there.
    for path in (f"/{name}{slash}", f"/oauth/{name}{slash}"):
        assert is_limited("POST", path) == (name in ("authorize", "register"))
    if name != "authorize":
        assert RULES[f"/{name}{slash}"] == OAUTH
    else:
        assert f"/{name}{slash}" not in RULES


@pytest.mark.parametrize("path", ["/", "/mcp", "/healthz", "/tokenfoo", "/token/x", "/authorized"])
def test_other_paths_are_not_counted_as_sign_ins(path: str) -> None:
    assert not is_limited("POST", path)


@pytest.mark.parametrize("document", ["oauth-authorization-server", "oauth-protected-resource"])
def test_a_document_is_the_same_under_all_its_names(site: Site, document: str) -> None:
    answers = [site.get(f"/.well-known/{document}{rest}") for rest in ("", "/", "/mcp", "/mcp/")]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


def test_there_is_no_document_of_an_openid_provider(site: Site) -> None:
    assert site.get("/.well-known/openid-configuration").status_code == 404


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize(
    ("content_type", "is_read"),
    [
        ("application/json, application/x-www-form-urlencoded", True),
        ("Application/X-WWW-Form-Urlencoded; charset=UTF-8, application/json", True),
        ("application/json", False),
        ("text/plain; x=application/x-www-form-urlencoded", False),
    ],
)
def test_a_form_is_read_if_one_of_the_media_types_is_a_form(
    site: Site, path: str, content_type: str, is_read: bool
) -> None:
    client_id = register(site).client_id

    answer = site.post(
        path,
        content=f"client_id={client_id}",
        headers={"content-type": content_type},
    )

    said = answer.json()["error_description"]
    assert ("is missing" in said) is is_read
    assert ("must be a form" in said) is not is_read


@pytest.mark.integration
def test_a_code_needs_no_redirect_uri_but_its_verifier(site: Site) -> None:
    client = register(site)

    assert client.redeem(client.code(), redirect_uri=None).status_code == 200
    stolen = client.redeem(client.code(), redirect_uri=None, code_verifier="w" * 43)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
