"""Stands between MCP clients and the application, and can be cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CHUNK_BYTES = 65536


@dataclass(eq=False)
class _Connection:
    """One connection through the proxy. `is_idle`: no request is under way."""

    client: socket.socket
    server: socket.socket
    is_idle: bool = True
    is_cut: bool = False


@dataclass
class NetworkProxy:
    """Forwards TCP connections; see `network_proxy`."""

    target_port: int
    port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connections: set[_Connection] = field(default_factory=set)
    _listener: socket.socket | None = None

    @property
    def url(self) -> str:
        """What stands here for the target."""
        return f"http://127.0.0.1:{self.port}"

    def accept(self) -> None:
        """Takes connections, on the port that it had before if there was one."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """From now on nobody listens here.

        New connections fail before a byte of a request is sent, and idle ones are closed, so
        that no client reuses them. Requests under way go on.
        """
        listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone leaves the thread in accept(), which keeps the port listening.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for connection in self._some():
            if connection.is_idle:
                _shut(connection.client)

    def cut(self, *, is_noticed: bool = True) -> None:
        """All connections end, in the middle of what is under way; new ones are welcome.

        Unless `is_noticed`, only the clients see it: to the server all of them are still there.
        """
        for connection in self._some():
            connection.is_cut = not is_noticed
            _shut(connection.client)
            if is_noticed:
                _shut(connection.server)

    def close(self) -> None:
        """Ends everything."""
        self.refuse()
        self.cut()

    def _some(self) -> list[_Connection]:
        with self._lock:
            return list(self._connections)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            connection = _Connection(client, server)
            with self._lock:
                self._connections.add(connection)
            for pump in (self._send_requests, self._send_answers):
                threading.Thread(target=pump, args=(connection,), daemon=True).start()

    def _send_requests(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while chunk := connection.client.recv(CHUNK_BYTES):
                connection.is_idle = False
                connection.server.sendall(chunk)
        if not connection.is_cut:
            _shut(connection.server)

    def _send_answers(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while chunk := connection.server.recv(CHUNK_BYTES):
                connection.is_idle = True
                # After a cut that the server does not notice, its answers go nowhere.
                if not connection.is_cut:
                    connection.client.sendall(chunk)
        _shut(connection.client)
        with self._lock:
            self._connections.discard(connection)


@contextmanager
def network_proxy(target_port: int) -> Iterator[NetworkProxy]:
    """A proxy that takes connections on a port of its own, for the programs on this machine."""
    proxy = NetworkProxy(target_port)
    proxy.accept()
    try:
        yield proxy
    finally:
        proxy.close()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
