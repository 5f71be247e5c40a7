"""In front of `/mcp`: what a token of a grant is worth while durable state cannot be asked."""

from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse

from gist_mcp.mcp_http.grant_gate import GrantGate
from tests.oauth.oauth_client import OAuthClient, register
from tests.oauth.site import PUBLIC_URL, Site

pytestmark = pytest.mark.integration


def ask(site: Site, access_token: str) -> httpx.Response:
    """A request through the gate to something that says yes to everybody."""
    gate = GrantGate(PlainTextResponse("in"), site.app.state.deps)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=PUBLIC_URL)
    headers = {"Authorization": f"Bearer {access_token}"}
    answer: httpx.Response = site.run(client.get("/mcp", headers=headers))
    return answer


def refuse_every_call(site: Site) -> None:
    """Durable state lets nobody in: calls come from outside, without the front door's secret."""
    site.app.state.deps.reboot_context = lambda _: site.rbt.create_external_context(name="nobody")


def signed_in(site: Site) -> tuple[OAuthClient, dict[str, Any]]:
    client = register(site)
    return client, client.tokens()


def test_a_living_grant_is_let_in_and_a_revoked_one_is_not(site: Site) -> None:
    client, tokens = signed_in(site)

    before = ask(site, tokens["access_token"])
    client.revoke(tokens["refresh_token"])
    after = ask(site, tokens["access_token"])

    assert (before.status_code, before.text) == (200, "in")
    assert after.status_code == 401
    assert 'error="invalid_token"' in after.headers["www-authenticate"]


def test_durable_state_that_does_not_answer_is_no_reason_to_sign_in_again(site: Site) -> None:
    client, tokens = signed_in(site)
    refuse_every_call(site)

    asked = ask(site, tokens["access_token"])
    refreshed = client.refresh(tokens["refresh_token"])

    assert [asked.status_code, refreshed.status_code] == [503, 503]
    assert int(asked.headers["retry-after"]) > 0
    assert refreshed.json()["error"] == "temporarily_unavailable"
