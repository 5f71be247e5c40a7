"""An https server with client metadata documents, right and wrong ones."""

import functools
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from gist_mcp.clients.metadata_document import ClientDocuments
from tests.support.certificates import make_certificate

HOST = "client.example"
REDIRECT_URI = "http://localhost:3118/callback"


class DocumentServer:
    """An https server on loopback with a certificate for `client.example`."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[tuple[str, str]] = []
        self.connections = 0
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.send_document
        self.changes: dict[str, Any] = {}
        self.location = "https://elsewhere.example/"
        self.certificate = folder / "certificate.pem"
        make_certificate(self.certificate, HOST)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, self.headers["Host"]))
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            def verify_request(self, *_: object) -> bool:
                outer.connections += 1
                return True

            def handle_error(self, *_: object) -> None:
                """A client that hangs up is not news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.port = self.server.server_address[1]
        serve = functools.partial(self.server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/client.json"

    def document(self) -> dict[str, Any]:
        base = {"client_id": self.url, "client_name": "Claude", "redirect_uris": [REDIRECT_URI]}
        return base | self.changes

    def send_document(self, handler: BaseHTTPRequestHandler) -> None:
        self.send(handler, json.dumps(self.document()).encode())

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        body: bytes,
        status: int = 200,
        *,
        media_type: str = "application/json",
        encoding: str | None = None,
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", media_type)
        if encoding is not None:
            handler.send_header("Content-Encoding", encoding)
        handler.send_header("Location", self.location)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def documents(self, **changes: Any) -> ClientDocuments:
        """A fetcher that takes this server for a public one and its certificate for good."""

        async def resolve(host: str, port: int) -> str:
            return "127.0.0.1"

        def make_http() -> httpx.AsyncClient:
            trusted = ssl.create_default_context(cafile=str(self.certificate))
            return httpx.AsyncClient(verify=trusted, follow_redirects=False, trust_env=False)

        ours: dict[str, Any] = {"resolve": resolve, "make_http": make_http, "port": self.port}
        return ClientDocuments(**(ours | changes))


def resolves_to(*addresses: str) -> list[Any]:
    """What `getaddrinfo` says of a name with these addresses."""
    return [(0, 0, 0, "", (address, 443)) for address in addresses]
