"""The stream of a tool call as it comes over the wire."""

import contextlib
import threading

import httpx

from tests.support.mcp_client import ACCEPT, McpClient
from tests.support.waiting import wait_until

WAIT_SECONDS = 30.0


class HeardStream:
    """A call whose stream a thread reads until it ends."""

    def __init__(self, client: McpClient, tool: str, **arguments: str) -> None:
        call = {"name": tool, "arguments": arguments}
        self._body = {"jsonrpc": "2.0", "id": "heard", "method": "tools/call", "params": call}
        self._client = client
        self.text = ""
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        headers = {**self._client.headers, "Accept": ACCEPT}
        lasting = httpx.Timeout(None, connect=5.0)
        asked = httpx.stream(
            "POST", self._client.url, headers=headers, json=self._body, timeout=lasting
        )
        # Whether the response or the connection ends first depends on who is stopped first.
        with contextlib.suppress(httpx.TransportError), asked as response:
            for text in response.iter_text():
                self.text += text

    def wait_until_begun(self) -> None:
        """Returns after the first event."""
        wait_until("the first event", lambda: "\n\r\n" in self.text, seconds=WAIT_SECONDS)

    def wait_until_over(self) -> None:
        """Returns when it has ended, in whatever way."""
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
