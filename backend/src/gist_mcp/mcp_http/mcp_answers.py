"""Answers of `/mcp` to what nobody handles: JSON-RPC errors."""

from starlette.responses import JSONResponse, Response

from gist_mcp.mcp_http.json_rpc import WireId


def starting() -> Response:
    return refused(503, "The server is starting; try again.", {"Retry-After": "1"}, code=-32000)


def lost() -> Response:
    return refused(
        502,
        "The server process stopped with the request in its hands: it may have been carried out, "
        "or not. Look before you repeat a call that changes something.",
        code=-32000,
    )


def refused_request(
    status_code: int,
    text: str,
    wire_id: WireId | None,
    *,
    in_session: bool,
    code: int = -32600,
) -> Response:
    """A message that is none: an HTTP error, but a plain answer under its own id in a session.

    With an HTTP error there SDKs would not end the one request, but the session that it came in.
    """
    if in_session and wire_id is not None:
        status_code = 200
    return refused(status_code, text, code=code, wire_id=wire_id)


def refused(
    status_code: int,
    text: str,
    headers: dict[str, str] | None = None,
    *,
    code: int = -32600,
    wire_id: WireId | None = None,
) -> Response:
    """A JSON-RPC error. One without a request's id has the one that the MCP SDK puts there."""
    identifier = "server-error" if wire_id is None else wire_id
    body = {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}}
    return JSONResponse(body, status_code=status_code, headers=headers)
