"""Tool calls that are refused for what they say, before DurableMCP hears of them.

Here because DurableMCP would keep such a call as durable state, and because the MCP SDK answers
arguments that are no object by itself, with words that help nobody.
"""

import json
from typing import Any

from starlette.responses import Response, StreamingResponse

from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.checked_call import checked_call, refused


def refused_call(message: dict[str, Any]) -> Response | None:
    """The answer to a request that is a tool call with faults; `None` for every other one.

    A stream of one event, like every other answer to a tool call.
    """
    if message.get("method") != "tools/call":
        return None
    params = message.get("params") or {}
    try:
        checked_call(params.get("name"), params.get("arguments"))
    except InvalidArgument as refusal:
        result = refused(refusal).model_dump(mode="json", by_alias=True, exclude_none=True)
        answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
        event = f"event: message\r\ndata: {answer}\r\n\r\n"
        # Streamed, and so without a length: a hint for the client may yet be added to it.
        return StreamingResponse(iter([event]), media_type="text/event-stream")
    return None
