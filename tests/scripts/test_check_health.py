"""The image's health check: whether a server answers, and nothing but yes or no."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scripts.check_health import is_alive
from tests.support.ports import free_port


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server whose every answer has that status; gives its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "alive"), [(200, True), (503, False), (301, False)])
def test_only_200_is_alive(status: int, alive: bool) -> None:
    with answering(status) as port:
        assert is_alive({"PORT": port}) is alive


def test_where_nobody_listens_nobody_is_alive() -> None:
    assert not is_alive({"PORT": str(free_port())})
