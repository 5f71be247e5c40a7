"""What counts as a limit that the server states, and what as an error."""

import json

import pytest

from benchmarks.load_run.outcome import DONE, Kind, Outcome, answer_of, error, refusal_of, reply_of

RESULT = {"content": [], "structuredContent": {"login": "octocat"}}
OTHER_HEADERS = {"content-type": "application/json"}


def response(**message: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, **message}).encode()


def tool_error(text: str) -> bytes:
    content = [{"type": "text", "text": text}]
    return response(result={"content": content, "isError": True})


def test_a_result_is_done() -> None:
    reply = reply_of(200, OTHER_HEADERS, response(result=RESULT))

    assert (reply.outcome, reply.result) == (DONE, RESULT)


def test_429_with_retry_after_is_a_stated_limit() -> None:
    reply = reply_of(429, {"retry-after": "7"}, b"{}")

    assert reply.outcome == Outcome(Kind.STATED_LIMIT, "HTTP 429", 7)


@pytest.mark.parametrize(
    "body",
    [
        tool_error("Too many calls at once; try again in 12 seconds."),
        response(error={"code": -32000, "message": "Busy. Try again in 12 seconds."}),
    ],
)
def test_an_error_that_says_when_to_try_again_is_a_stated_limit(body: bytes) -> None:
    outcome = reply_of(200, OTHER_HEADERS, body).outcome

    assert (outcome.kind, outcome.wait_seconds) == (Kind.STATED_LIMIT, 12)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {}, b"{}"),
        (429, {"retry-after": "soon"}, b"{}"),
        (503, {"retry-after": "5"}, b"The server is starting. Try again in 5 seconds."),
        (404, {}, response(error={"code": -32001, "message": "Session not found"})),
        (200, {}, tool_error("Something went wrong on this server.")),
        (200, {}, tool_error("Try again in a minute.")),
        (200, {}, b"no JSON"),
        (200, {}, b"[]"),
        (200, {}, response(error={"code": -32603, "message": "Internal error"})),
    ],
)
def test_everything_else_is_an_error(status: int, headers: dict[str, str], body: bytes) -> None:
    assert reply_of(status, headers, body).outcome.kind is Kind.ERROR


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("temporarily_unavailable Too many at once. Start again in 30 seconds.", Kind.STATED_LIMIT),
        ("server_error Sign-in is out of order. Start again.", Kind.ERROR),
    ],
)
def test_a_client_of_oauth_is_told_a_limit_in_words(words: str, kind: Kind) -> None:
    assert refusal_of(words).kind is kind


def test_errors_that_differ_in_a_long_number_or_an_id_are_of_one_kind() -> None:
    assert error(f"session {'0a' * 24} is gone") == error(f"session {'1b' * 24} is gone")
    assert error("HTTP 503") != error("HTTP 502")


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, Kind.DONE),
        (429, {"retry-after": "3"}, Kind.STATED_LIMIT),
        (200, {}, Kind.ERROR),
        (503, {"retry-after": "3"}, Kind.ERROR),
    ],
)
def test_an_endpoint_may_be_expected_to_refuse(
    status: int, headers: dict[str, str], kind: Kind
) -> None:
    assert answer_of(status, headers, frozenset({401})).kind is kind
