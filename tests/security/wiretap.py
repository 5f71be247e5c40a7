"""Hears what our server says to GitHub's API: every byte, headers and bodies alike."""

import contextlib
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self, override

CHUNK_BYTES = 65536


class Wiretap:
    """Forwards connections to `target_url` and remembers what was sent there. A context manager."""

    def __init__(self, target_url: str) -> None:
        target = ("127.0.0.1", int(target_url.rpartition(":")[2]))
        self._connections: list[bytearray] = []
        connections = self._connections

        class Handler(socketserver.BaseRequestHandler):
            @override
            def handle(self) -> None:
                # One for each connection: a token may be cut in two between two chunks.
                heard = bytearray()
                connections.append(heard)
                client: socket.socket = self.request
                with socket.create_connection(target) as server:
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server, heard)
                    back.join()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False

    @property
    def url(self) -> str:
        """What our server takes for GitHub's API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def heard(self, secret: str) -> int:
        """How often the secret was sent to GitHub so far."""
        return sum(bytes(each).count(secret.encode()) for each in tuple(self._connections))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pump(source: socket.socket, sink: socket.socket, heard: bytearray | None = None) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            if heard is not None:
                heard += chunk
            sink.sendall(chunk)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
