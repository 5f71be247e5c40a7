"""Creates a gist, lists gists and shows the profile, as whoever the token belongs to.

    python examples/client.py TOKEN
    GIST_MCP_TOKEN=TOKEN python examples/client.py

Sign in at http://localhost:9991/oauth/authorize to get a token. `GIST_MCP_URL` names another
server than the one on this machine.
"""

import asyncio
import os
import sys

import httpx
from mcp.types import CallToolResult, TextContent
from reboot.mcp.client import connect

URL = os.environ.get("GIST_MCP_URL", "http://localhost:9991/mcp")


def show(title: str, result: CallToolResult) -> None:
    """Prints a tool's answer, or stops with its error."""
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    if result.isError:
        sys.exit(f"{title} failed: {text}")
    print(f"{title}: {text}")


async def main(access_token: str) -> None:
    """One MCP session with three tool calls."""
    headers = {"Authorization": f"Bearer {access_token}"}
    async with connect(URL, headers=headers) as (session, session_id, protocol_version):
        print(f"Session {session_id}, protocol {protocol_version}")
        result = await session.call_tool(
            "create_gist",
            arguments={
                "description": "My MCP-created gist",
                "filename": "example.py",
                "content": "print('Hello from MCP')",
                "public": True,
            },
        )
        show("Gist created", result)
        show("My gists", await session.call_tool("list_my_gists", arguments={}))
        show("Profile", await session.call_tool("get_my_profile", arguments={}))


def told(failure: BaseException, access_token: str) -> str:
    """What went wrong, for a person. The SDK hides it in groups, and what the server says of it."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if isinstance(failure, httpx.ConnectError):
        return f"Nobody answers at {URL}; GIST_MCP_URL names another address."
    if isinstance(failure, httpx.HTTPStatusError):
        # The SDK does not read the answer. A header tells of a missing scope (RFC 6750, 3.1).
        challenge = failure.response.headers.get("www-authenticate", "")
        if "insufficient_scope" in challenge:
            return f"The server answered {failure.response.status_code}: {challenge}"
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        answer = httpx.post(URL, headers=headers, json=ping)
        return f"The server answered {answer.status_code}: {answer.text}"
    return f"{type(failure).__name__}: {failure}"


if __name__ == "__main__":
    token = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GIST_MCP_TOKEN", "")
    if not token:
        sys.exit("Give a token as the first argument, or in GIST_MCP_TOKEN.")
    try:
        asyncio.run(main(token))
    except Exception as failed:  # noqa: BLE001 - every failure is told in a line
        sys.exit(told(failed, token))
