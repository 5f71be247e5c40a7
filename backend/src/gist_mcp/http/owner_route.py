"""Lets Envoy send a request of an MCP session straight to the process that owns the session.

Envoy routes by a header that names a state (`STATE_REF_HEADER`). Clients send none, so stock Envoy
gives their requests to any process, and that one would forward them, through Envoy again. This
filter writes the header, from the session id that the client sends, for requests to `/mcp` only.
"""

from typing import Final

from envoy.extensions.filters.http.lua.v3 import lua_pb2
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (  # noqa: E501
    HttpFilter,
)

from gist_mcp.framework.private_names import SERVER_ID_HEADER, STATE_REF_HEADER
from gist_mcp.sessions.durable_mcp import MCP_PATH
from gist_mcp.sessions.hop import HOP_HEADER
from gist_mcp.sessions.ownership import SESSION_ID_BYTES
from gist_mcp.sessions.placement import SESSION_TYPE

FILTER_NAME: Final = "gist_mcp.owner_route"

_SCRIPT: Final = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  if path ~= "{MCP_PATH}" and path ~= "{MCP_PATH}/" then
    return
  end
  -- One process of ours sends it to another, and has named the state itself. A forged header is
  -- told by its seal. All that it does here is that a client chooses the process.
  if headers:get("{HOP_HEADER}") ~= nil then
    return
  end
  -- A client's own choice of a process would only cost a way more.
  headers:remove("{SERVER_ID_HEADER}")
  headers:remove("{STATE_REF_HEADER}")
  local session = headers:get("mcp-session-id")
  if session ~= nil and #session == {2 * SESSION_ID_BYTES}
      and string.find(session, "^[0-9a-f]+$") ~= nil then
    headers:add("{STATE_REF_HEADER}", "{SESSION_TYPE}:" .. session)
  end
end
"""


def owner_route() -> HttpFilter:
    """The filter. It must come before those of Reboot, which read the header."""
    lua = lua_pb2.Lua()
    lua.default_source_code.inline_string = _SCRIPT
    route = HttpFilter(name=FILTER_NAME)
    route.typed_config.Pack(lua)
    return route
