"""One HTTP request taken apart: read, process, answer and close are separate steps."""

import hashlib

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from github_simulator.choices import MAX_REQUEST_BODY_BYTES
from github_simulator.control.protocol import abort_connection
from github_simulator.products import API_PREFIX


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class BodyTooLarge(Exception):
    """The request's body is beyond what the simulator takes."""


class Exchange:
    """A request whose body has been read, and the ways to end it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        self.scope = scope
        self.body = body
        self.headers = Headers(scope=scope)
        self.method: str = scope["method"]
        self.path = plain_path(scope["path"])
        self._receive = receive
        self._send = send

    @property
    def token_sha256(self) -> str | None:
        """Digest of the bearer token. The token itself leaves this function nowhere."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "token") or not value:
            return None
        return hashlib.sha256(value.strip().encode()).hexdigest()

    async def process(self, app: ASGIApp) -> list[Message]:
        """Let the application do its work; returns its answer, unsent."""
        messages: list[Message] = []
        pending = [{"type": "http.request", "body": self.body, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else await self._receive()

        async def keep(message: Message) -> None:
            messages.append(message)

        await app(self.scope, receive, keep)
        return messages

    async def answer(self, messages: list[Message]) -> None:
        """Send an answer that `process` made."""
        for message in messages:
            await self._send(message)

    async def respond(self, response: Response) -> None:
        """Send an answer of our own."""
        await response(self.scope, self._receive, self._send)

    async def client_left(self) -> None:
        """Returns when the client has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drop(self) -> None:
        """Close the connection without an answer."""
        abort_connection(self.scope)
        # uvicorn must notice before we return, or it answers 500 for us.
        await self.client_left()


def plain_path(path: str) -> str:
    """The path as on github.com, for either way of calling the API."""
    return path.removeprefix(API_PREFIX) if path.startswith(API_PREFIX + "/") else path


async def read_exchange(scope: Scope, receive: Receive, send: Send) -> Exchange:
    """The request with its whole body. Raises `ClientLeft` and `BodyTooLarge`."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > MAX_REQUEST_BODY_BYTES:
            raise BodyTooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return Exchange(scope, receive, send, b"".join(chunks))
