"""Answers of `/mcp` that DurableMCP does not give: JSON-RPC errors without a request id."""

from starlette.responses import JSONResponse, Response

from gist_mcp.config import Config


def starting() -> Response:
    return refused(503, "The server is starting; try again.", {"Retry-After": "1"}, code=-32000)


def lost() -> Response:
    return refused(
        502,
        "The server process stopped with the request in its hands: it may have been carried out, "
        "or not. Look before you repeat a call that changes something.",
        code=-32000,
    )


def too_large(config: Config) -> Response:
    limit = config.max_body_bytes
    return refused(413, f"The request body is larger than {limit} bytes.")


def refused(
    status_code: int, text: str, headers: dict[str, str] | None = None, *, code: int = -32600
) -> Response:
    """A JSON-RPC error without a request id, as the MCP SDK answers at this level."""
    body = {"jsonrpc": "2.0", "id": "server-error", "error": {"code": code, "message": text}}
    return JSONResponse(body, status_code=status_code, headers=headers)
