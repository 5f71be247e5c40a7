"""Stands between a client and a server: can be closed like a port nobody listens on, and can
keep what one side sends from the other."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from tests.support.ports import free_port
from tests.support.waiting import wait_until

CHUNK_BYTES = 65536


class TcpProxy:
    """Forwards TCP connections to `target_url`. A context manager.

    While it refuses, new connections fail before a byte of a request is sent, and idle ones
    are closed, so that no client reuses them. Requests under way go on.

    While it keeps requests (or answers), what the client (or the target) sends goes no further;
    what it kept is lost in the end.
    """

    def __init__(self, target_url: str) -> None:
        self._target = ("127.0.0.1", int(target_url.rpartition(":")[2]))
        self._lock = threading.Lock()
        self._idle: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._port = free_port()
        self._keeps: frozenset[bool] = frozenset()
        self._kept = 0
        self._requests = 0
        self._gone = threading.Event()

    @property
    def url(self) -> str:
        """What the client takes for the server."""
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
        self.lose()
        self.refuse()

    def keep_requests(self) -> None:
        """From now on nothing that a client sends arrives."""
        self._keep(requests=True)

    def keep_answers(self) -> None:
        """From now on nothing that the target answers arrives."""
        self._keep(requests=False)

    @property
    def kept(self) -> int:
        """How many requests or answers have been kept."""
        return self._kept

    def wait_until_kept(self, count: int = 1, *, seconds: float = 10.0) -> None:
        """Returns once so many requests or answers have been kept."""
        wait_until(f"{count} kept by the proxy", lambda: self._kept >= count, seconds=seconds)

    def wait_until_requested(self, *, seconds: float = 10.0) -> None:
        """Returns once a request has gone through since `forget`."""
        wait_until("a request to the proxy", lambda: self._requests > 0, seconds=seconds)

    def forget(self) -> None:
        """Starts counting requests again."""
        with self._lock:
            self._requests = 0

    def lose(self) -> None:
        """What was kept is lost, with its connections; what comes from now on passes."""
        with self._lock:
            gone, self._gone = self._gone, threading.Event()
            self._keeps, self._kept = frozenset(), 0
        gone.set()

    def _keep(self, *, requests: bool) -> None:
        with self._lock:
            self._keeps = frozenset({requests})

    def _passes(self, *, is_request: bool) -> bool:
        """False, after a while, for what is kept."""
        with self._lock:
            if is_request not in self._keeps:
                return True
            self._kept += 1
            gone = self._gone
        gone.wait()
        return False

    def accept(self) -> None:
        """Takes connections, on the port that it had before if there was one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(128)
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

    def cut(self) -> None:
        """All connections end, in the middle of what is under way; new ones are welcome."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
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
            with self._lock:
                self._open |= {client, server}
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
                if not self._passes(is_request=is_request):
                    break
                sink.sendall(chunk)
                with self._lock:
                    self._requests += is_request
        except OSError:
            pass
        finally:
            self._mark(client, idle=False)
            _shut(source)
            _shut(sink)
            with self._lock:
                self._open -= {source, sink}
            # Each of a connection's two threads closes the side that it reads from.
            source.close()

    def _mark(self, client: socket.socket, *, idle: bool) -> None:
        with self._lock:
            if idle:
                self._idle.add(client)
            else:
                self._idle.discard(client)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
