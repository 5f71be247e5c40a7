"""Each request has an id and a line, and nothing that passes through is held back."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.config_source import parse_config
from gist_mcp.github.call_count import count_call
from gist_mcp.http.middleware import HEALTH_PATH
from gist_mcp.http.request_log import REQUEST_ID_HEADER, RequestLog
from gist_mcp.logs.context import forwarded_as, note
from gist_mcp.logs.event import fields_of


def page(_: Request) -> Response:
    """Asks GitHub once, and learns whose request it is."""
    count_call()
    note(account_id=7)
    return Response(status_code=203)


def broken(_: Request) -> Response:
    """A bug."""
    raise ValueError("what nobody may read")


def forwarded(_: Request) -> Response:
    """Another process of ours has sent it here."""
    forwarded_as("its-own-id")
    return Response()


ROUTES = [
    Route("/gists/{gist_id}", page, methods=["GET"]),
    Route("/broken", broken),
    Route("/forwarded", forwarded),
    Route(HEALTH_PATH, page),
]


def logged(app: ASGIApp, **environ: str) -> RequestLog:
    """The middleware around an application."""
    return RequestLog(app, config=parse_config(environ, production=False), routes=ROUTES)


def ask(method: str, path: str, headers: dict[str, str], **environ: str) -> httpx.Response:
    """The answer to one request."""
    app = logged(Starlette(routes=ROUTES), **environ)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://us") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


def told(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The request's line."""
    (found,) = (each for each in caplog.records if fields_of(each))
    return found


def line(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The fields of the request's line."""
    return dict(fields_of(told(caplog)))


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_the_line_has_the_route_and_not_the_path(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask("GET", "/gists/secret-id?token=secret", {})

    fields = line(caplog)
    assert answer.status_code == 203
    assert fields.pop("duration_seconds") >= 0
    assert fields == {
        "event": "http_request",
        "method": "GET",
        "route": "/gists/{gist_id}",
        "status": 203,
        "client_address": None,
        "github_calls": 1,
    }
    assert "secret" not in told(caplog).getMessage()


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("POST", "/gists/1", ("POST", "/gists/{gist_id}")),
        ("GET", "/%0aforged", ("GET", "other")),
        ("FORGED", "/nothing", ("other", "other")),
    ],
)
def test_no_text_of_a_stranger_is_in_a_line(
    caplog: pytest.LogCaptureFixture, method: str, path: str, named: tuple[str, str]
) -> None:
    ask(method, path, {})

    fields = line(caplog)
    assert (fields["method"], fields["route"]) == named
    assert "forged" not in told(caplog).getMessage().lower()


def test_the_id_is_ours_and_given_back() -> None:
    answers = [ask("GET", "/gists/1", {REQUEST_ID_HEADER: "chosen"}) for _ in range(2)]

    ids = {answer.headers[REQUEST_ID_HEADER] for answer in answers}
    assert len(ids) == 2
    assert "chosen" not in ids


def test_a_forwarded_request_keeps_its_id_and_is_told_where_it_came_in(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = ask("GET", "/forwarded", {})

    assert answer.headers[REQUEST_ID_HEADER] == "its-own-id"
    assert told(caplog).levelno == logging.DEBUG


def test_health_checks_are_told_at_debug_only(caplog: pytest.LogCaptureFixture) -> None:
    ask("GET", HEALTH_PATH, {})

    assert told(caplog).levelno == logging.DEBUG


@pytest.mark.parametrize(
    ("proxies", "address"), [("0", None), ("1", "198.51.100.2"), ("2", "203.0.113.9")]
)
def test_the_address_is_what_trusted_proxies_say(
    caplog: pytest.LogCaptureFixture, proxies: str, address: str | None
) -> None:
    ask(
        "GET",
        "/gists/1",
        {"X-Forwarded-For": "192.0.2.1, 203.0.113.9, 198.51.100.2"},
        TRUSTED_PROXIES=proxies,
    )

    assert line(caplog)["client_address"] == address


def test_a_bug_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    ask("GET", "/broken", {})

    assert line(caplog)["status"] == 500


def test_a_stream_is_passed_on_piece_by_piece() -> None:
    passed: list[Message] = []

    async def streaming(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
            assert len(passed) == number + 2

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        passed.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(logged(streaming)(scope, receive, send))

    assert [each.get("body") for each in passed] == [None, b"0", b"1", b"2"]
