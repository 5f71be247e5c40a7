"""The MCP methods that need no durability: `initialize`, `ping` and `tools/list`.

They are answered from memory, by the process that owns the session, and leave nothing in durable
state. A client that gets no answer asks again. Only tool calls must survive a crash.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import McpError
from mcp.shared.version import SUPPORTED_PROTOCOL_VERSIONS
from mcp.types import (
    LATEST_PROTOCOL_VERSION,
    Implementation,
    InitializeResult,
    ListToolsRequest,
    ServerCapabilities,
    ToolsCapability,
)
from pydantic import BaseModel

from gist_mcp.config import Config
from gist_mcp.mcp_http.json_rpc import INTERNAL_ERROR, METHOD_NOT_FOUND, JsonRpcMessage
from gist_mcp.tools.registry import changes
from gist_mcp.version import VERSION

logger = logging.getLogger(__name__)

SERVER_NAME: Final = "github-gist-mcp"
SERVER_TITLE: Final = "GitHub gists"

INSTRUCTIONS: Final = (
    "Works on the GitHub gists of the person who signed in, as that person. "
    "create_gist makes a public gist unless public is false; ask before you publish what may be "
    "private. A secret gist is unlisted, but open to whoever has its URL. "
    "If a call ends without saying whether a gist was made, look at list_my_gists before you call "
    "again, or repeat the call with the same idempotency_key: it never makes the gist twice. "
    "get_my_profile tells whose account it is."
)
"""What a model is told about the server as a whole."""


class McpMethods:
    """The methods by name. One for each server process.

    `server` is the SDK's server, which lists the tools.
    """

    def __init__(self, config: Config, server: Server[Any, Any]) -> None:
        self._config = config
        self._server = server
        self._tools: dict[str, Any] | None = None
        self._methods: dict[str, Callable[[JsonRpcMessage], Awaitable[dict[str, Any]]]] = {
            "initialize": self._initialize,
            "ping": self._ping,
            "tools/list": self._list_tools,
        }

    async def answer(self, request: JsonRpcMessage, *, read_only: bool) -> dict[str, Any]:
        """The JSON-RPC response to a request, an error for whatever is raised on the way.

        With `read_only` no tool is listed that changes something.
        """
        method = self._methods.get(request.method or "")
        if method is None:
            return _error(request, METHOD_NOT_FOUND, "Method not found")
        try:
            result = await method(request)
            if read_only and request.method == "tools/list":
                result = _without_changes(result)
        except McpError as error:
            return _error(request, error.error.code, error.error.message)
        except Exception:
            # Only a number goes out: the text of an exception may hold what the client must not
            # read, such as a path or a part of a request to GitHub.
            number = secrets.token_hex(6)
            logger.exception("The method %s failed, request %s", request.method, number)
            text = f"Something went wrong on this server. Its log has the details as {number}."
            return _error(request, INTERNAL_ERROR, text)
        return {"jsonrpc": "2.0", "id": request.json_rpc_id, "result": result}

    async def _initialize(self, request: JsonRpcMessage) -> dict[str, Any]:
        """Who we are and what we serve (MCP 2025-06-18, lifecycle)."""
        return _dumped(
            InitializeResult(
                protocolVersion=agreed_version(request),
                # Nothing else: what is advertised here clients call.
                capabilities=ServerCapabilities(tools=ToolsCapability(listChanged=False)),
                serverInfo=Implementation(
                    name=SERVER_NAME,
                    title=SERVER_TITLE,
                    version=VERSION,
                    websiteUrl=self._config.public_url,
                ),
                instructions=INSTRUCTIONS,
            )
        )

    async def _ping(self, _: JsonRpcMessage) -> dict[str, Any]:
        return {}

    async def _list_tools(self, _: JsonRpcMessage) -> dict[str, Any]:
        """All tools, on one page."""
        # A `cursor` is ignored: we give none, as there is no second page.
        if self._tools is None:
            answer = await self._server.request_handlers[ListToolsRequest](
                ListToolsRequest(method="tools/list")
            )
            self._tools = _dumped(answer.root)
        return self._tools


def _without_changes(listed: dict[str, Any]) -> dict[str, Any]:
    tools = [tool for tool in listed["tools"] if not changes(tool["name"])]
    return {**listed, "tools": tools}


def agreed_version(initialize: JsonRpcMessage) -> str:
    """The version that a client's `initialize` leads to (MCP, lifecycle, version negotiation)."""
    # An unknown version is answered with one of ours; the client decides whether it speaks that.
    asked = initialize.params.get("protocolVersion")
    return str(asked) if asked in SUPPORTED_PROTOCOL_VERSIONS else LATEST_PROTOCOL_VERSION


def _dumped(result: BaseModel) -> dict[str, Any]:
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


def _error(request: JsonRpcMessage, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request.json_rpc_id, "error": {"code": code, "message": text}}
