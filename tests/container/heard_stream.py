"""The stream of a tool call as it comes over the wire, and how it ends."""

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
        self.is_complete = False
        """Whether the server has ended the response, and the connection did not just break."""
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()

    def _hear(self) -> None:
        headers = {**self._client.headers, "Accept": ACCEPT}
        lasting = httpx.Timeout(None, connect=5.0)
        asked = httpx.stream(
            "POST", self._client.url, headers=headers, json=self._body, timeout=lasting
        )
        try:
            with asked as response:
                for text in response.iter_text():
                    self.text += text
        except httpx.TransportError:
            return
        self.is_complete = True

    def wait_until_begun(self) -> None:
        """Returns after the first event."""
        wait_until("the first event", lambda: "\n\r\n" in self.text, seconds=WAIT_SECONDS)

    def wait_until_over(self) -> None:
        """Returns when it has ended, in whatever way."""
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
