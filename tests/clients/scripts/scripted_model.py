# mypy: ignore-errors
"""A stand-in for the model behind Claude Code: it wants what the test wants to be called.

It speaks as much of Anthropic's Messages API as Claude Code needs. Nothing leaves the machine.
"""

import http.server
import json
import threading

TOOL = "mcp__github-gist-mcp__get_my_profile"
MAX_FAILED_CALLS = 20
PAUSE_SECONDS = 1.0
"""Claude Code fails calls while it has no connection, and connects again in the background."""


class ScriptedModel:
    """Asks for the tool as often as it has `before_call` functions, each run first; a call that
    failed is asked for again, as a model does."""

    def __init__(self, before_call):
        self.before_call = before_call
        self.pause = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path.partition("?")[0] != "/v1/messages":
                    self.send_error(404)
                    return
                self.answer(outer.answer(json.loads(body)))

            def answer(self, events):
                lines = (f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
                stream = "".join(lines).encode()
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("content-length", str(len(stream)))
                self.end_headers()
                self.wfile.write(stream)

            def log_message(self, *_):
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        """The model's next word: another call, the same once more if it failed, or the end."""
        results = [
            block
            for message in request["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
            if block.get("type") == "tool_result"
        ]
        failed = sum(bool(result.get("is_error")) for result in results)
        number = len(results) - failed
        if number < len(self.before_call) and failed < MAX_FAILED_CALLS and request.get("tools"):
            if results and results[-1].get("is_error"):
                self.pause.wait(PAUSE_SECONDS)
            else:
                self.before_call[number]()
            use = {"type": "tool_use", "id": f"toolu_{len(results)}", "name": TOOL, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": "{}"}
            return _message(request, use, delta, "tool_use")
        text = {"type": "text", "text": ""}
        return _message(request, text, {"type": "text_delta", "text": "Done."}, "end_turn")


def _message(request, block, delta, stop_reason):
    """One message with one block, as the Messages API streams it."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": 1},
        },
        {"type": "message_stop"},
    ]
