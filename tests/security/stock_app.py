"""Stock DurableMCP, as its documentation shows it, for the attacks to succeed against."""

import asyncio

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl
from reboot.mcp.server import DurableContext, DurableMCP


class NamesAreTokens(TokenVerifier):
    """Accepts `user-...`: who comes with `user-anna` is Anna."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token as an access token, if it is a user's name."""
        if not token.startswith("user-"):
            return None
        return AccessToken(token=token, client_id=token, scopes=[])


mcp = DurableMCP(
    path="/mcp",
    auth=AuthSettings(
        issuer_url=AnyHttpUrl("http://localhost"),
        resource_server_url=AnyHttpUrl("http://localhost"),
    ),
    token_verifier=NamesAreTokens(),
)


@mcp.tool()
async def who_am_i(context: DurableContext) -> str:
    """The user as the tool sees them."""
    from mcp.server.auth.middleware.auth_context import get_access_token

    token = get_access_token()
    return token.token if token else "nobody"


def healthz() -> dict[str, str]:
    """The test's deployment waits for this."""
    return {"status": "ok"}


async def main() -> None:
    """Serves."""
    application = mcp.application()
    application.http.get("/healthz")(healthz)
    await application.run()


if __name__ == "__main__":
    asyncio.run(main())
