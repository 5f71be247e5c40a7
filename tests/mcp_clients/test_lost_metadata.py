"""A client that starts again with its registration and old tokens, and no metadata: it refreshes
where the first revision of MCP's authorization (2025-03-26) had the endpoints, at the root."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp.types import TextContent

from tests.mcp_clients.person import Person, query_of
from tests.support.oauth_client import OAuthClient
from tests.support.sdk_client import sdk_streams
from tests.support.world import World


@dataclass
class Kept:
    """What the SDK finds again: its `TokenStorage`."""

    tokens: OAuthToken | None
    client_info: OAuthClientInformationFull | None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError(f"registered again as {client_info.client_id}")


def signed_in(here: World) -> tuple[OAuthClient, dict[str, Any]]:
    """A client and its tokens."""
    client = OAuthClient(here.server.url)
    location = Person(world=here).answer(client.authorize_url)
    answer = client.redeem(query_of(location)["code"])
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return client, tokens


async def no_browser(*_: str) -> NoReturn:
    raise AssertionError("a browser was opened")


def test_the_sdk_in_a_new_process_refreshes_an_old_token_without_a_browser(here: World) -> None:
    client, tokens = signed_in(here)
    metadata = OAuthClientMetadata.model_validate(
        {"redirect_uris": [client.redirect_uri], "token_endpoint_auth_method": "none"}
    )
    kept = Kept(
        # One that the server refuses, as it does when the hour is over.
        tokens=OAuthToken.model_validate(tokens | {"access_token": tokens["access_token"][:-9]}),
        client_info=OAuthClientInformationFull.model_validate(
            {**metadata.model_dump(), "client_id": client.client_id}
        ),
    )
    provider = OAuthClientProvider(here.server.mcp_url, metadata, kept, no_browser, no_browser)
    # Programs that keep the time with the token set it; the SDK itself does not store it.
    provider.context.token_expiry_time = 1

    async def ask() -> str:
        async with (
            asyncio.timeout(30),
            sdk_streams(here.server.mcp_url, auth=provider) as (read, write),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            result = await session.call_tool("get_my_profile", {})
            (content,) = result.content
            assert isinstance(content, TextContent)
            return str(json.loads(content.text)["login"])

    assert asyncio.run(ask()) == "octocat"
    assert provider.context.oauth_metadata is None
    assert kept.tokens is not None
    assert kept.tokens.refresh_token != tokens["refresh_token"]


@pytest.mark.parametrize("paths", [("/token", "/token/"), ("/oauth/token/", "/token")])
def test_repeats_of_a_refresh_meet_in_one_process_whatever_the_name(
    here: World, paths: tuple[str, ...]
) -> None:
    """GitHub's pair is renewed once, by the process that owns the account; either may be asked."""
    here.github.configure(expiring_tokens=True)
    client, tokens = signed_in(here)
    here.github.forget_requests()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
        "client_id": client.client_id,
    }

    answers = [client.post(path, data=form) for path in paths * 4]

    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(here.github.requests("POST", "/login/oauth/access_token")) == 1
