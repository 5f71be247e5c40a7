"""HTTP as bytes, for what no client library would send."""

import socket

TIMEOUT_SECONDS = 15.0


def exchange(
    port: int,
    request: bytes,
    *,
    then: bytes = b"",
    times: int = 0,
    address: str = "127.0.0.1",
) -> bytes:
    """All that comes back for the bytes until the server closes or answers.

    After `request`, sends `then` up to so many `times`, or until the server has answered.
    """
    with socket.create_connection((address, port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(request)
        try:
            for _ in range(times):
                connection.setblocking(False)
                try:
                    return connection.recv(65536)
                except BlockingIOError:
                    connection.settimeout(TIMEOUT_SECONDS)
                    connection.sendall(then)
            connection.settimeout(TIMEOUT_SECONDS)
            return connection.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            connection.settimeout(TIMEOUT_SECONDS)
            return connection.recv(65536)


def status_of(answer: bytes) -> int:
    """The status of an HTTP/1.1 answer; 0 if the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def lines(*parts: str | bytes) -> bytes:
    """Lines of a request head, ended by an empty one."""
    encoded = [part.encode("latin-1") if isinstance(part, str) else part for part in parts]
    return b"\r\n".join(encoded) + b"\r\n\r\n"
