"""Stands between the application and GitHub, and can be closed like a port nobody listens on."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK_BYTES = 65536


class GitHubProxy:
    """Forwards TCP connections to the simulator. A context manager.

    While it refuses, new connections fail before a byte of a request is sent, and idle ones
    are closed, so that no client reuses them. Requests under way go on.
    """

    def __init__(self, target_url: str) -> None:
        self._target = ("127.0.0.1", int(target_url.rpartition(":")[2]))
        self._lock = threading.Lock()
        self._idle: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """What the application takes for GitHub."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.accept()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()

    def accept(self) -> None:
        """Takes connections, on the port that it had before if there was one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(128)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """From now on nobody listens here."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone leaves the thread in accept(), which keeps the port listening.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            idle, self._idle = self._idle, set()
        for connection in idle:
            _shut(connection)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self._mark(client, idle=True)
            for source, sink, is_request in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._pump, args=(source, sink, client, is_request), daemon=True
                ).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, client: socket.socket, is_request: bool
    ) -> None:
        try:
            while chunk := source.recv(CHUNK_BYTES):
                self._mark(client, idle=not is_request)
                sink.sendall(chunk)
        except OSError:
            pass
        finally:
            self._mark(client, idle=False)
            _shut(source)
            _shut(sink)

    def _mark(self, client: socket.socket, *, idle: bool) -> None:
        with self._lock:
            if idle:
                self._idle.add(client)
            else:
                self._idle.discard(client)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
