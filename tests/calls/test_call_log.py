"""How a tool call ended, in one word and in one line, without anything of the person's."""

import logging

import pytest

from gist_mcp.calls.call_log import (
    NO_TOOL,
    CallEnd,
    LoggedCall,
    Outcome,
    call_ended,
    current_end,
    log_change,
)
from gist_mcp.errors import (
    Cancelled,
    Conflict,
    GistMcpError,
    GitHubRefusesServer,
    GitHubUnavailable,
    InvalidArgument,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.call_count import CallCount, count_call, counting_calls
from gist_mcp.logs.event import fields_of
from gist_mcp.principal import GitHubUserId

CALL = LoggedCall(
    tool="create_gist",
    user_id=GitHubUserId(7),
    login="octocat",
    client_id="a-client",
    client_name="an editor",
)

ENDS = [
    (None, Outcome.DONE),
    (NotFound("no"), Outcome.REFUSED),
    (Conflict("no"), Outcome.REFUSED),
    (InvalidArgument("a", "no"), Outcome.REFUSED),
    (ScopeRequired(["gist"]), Outcome.REFUSED),
    (SignInRequired("no"), Outcome.REFUSED),
    (RateLimited(1), Outcome.LIMIT),
    (LimitReached("no", 1), Outcome.LIMIT),
    (Cancelled("no"), Outcome.CANCELLED),
    (OutcomeUnknown("no"), Outcome.UNKNOWN),
    (GitHubUnavailable("no"), Outcome.UNAVAILABLE),
    (GitHubRefusesServer("no"), Outcome.UNAVAILABLE),
]


@pytest.mark.parametrize(("error", "outcome"), ENDS)
def test_each_error_is_an_outcome(error: GistMcpError | None, outcome: Outcome) -> None:
    assert CallEnd(call=CALL, error=error).outcome is outcome


def test_a_bug_is_a_failure() -> None:
    assert CallEnd(call=CALL, is_bug=True).outcome is Outcome.FAILED


def test_the_line_names_tool_account_client_and_outcome(caplog: pytest.LogCaptureFixture) -> None:
    end = CallEnd(call=CALL, error=NotFound("what the person wrote"), github_calls=CallCount(3))

    with caplog.at_level(logging.INFO):
        call_ended(end)

    (record,) = caplog.records
    fields = dict(fields_of(record))
    assert fields.pop("duration_seconds") is not None
    assert fields == {
        "event": "tool_call",
        "tool": "create_gist",
        "account_id": 7,
        "login": "octocat",
        "client_id": "a-client",
        "client_name": "an editor",
        "outcome": "refused",
        "error": "NotFound",
        "github_calls": 3,
    }
    assert "what the person wrote" not in record.getMessage()


def test_a_call_that_has_not_begun_quotes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    error = InvalidArgument("name", "there is no tool `what the person wrote`")
    call = LoggedCall(**{**vars(CALL), "tool": NO_TOOL})

    with caplog.at_level(logging.INFO):
        call_ended(CallEnd(call=call, error=error, has_begun=False))

    assert caplog.messages == ["a call by octocat: refused before it began"]


def test_percent_signs_are_text(caplog: pytest.LogCaptureFixture) -> None:
    call = LoggedCall(**{**vars(CALL), "login": "100%s"})

    with caplog.at_level(logging.INFO):
        call_ended(CallEnd(call=call))

    assert caplog.messages[0].startswith("create_gist by 100%s: done in ")


def test_a_change_is_told_with_the_gist(caplog: pytest.LogCaptureFixture) -> None:
    ending = current_end.set(CallEnd(call=CALL))
    try:
        with caplog.at_level(logging.INFO):
            log_change("aa5a315d61ae9438b18d")
    finally:
        current_end.reset(ending)

    assert caplog.messages == ["create_gist by octocat: changed aa5a315d61ae9438b18d"]
    assert fields_of(caplog.records[0])["gist_id"] == "aa5a315d61ae9438b18d"


def test_requests_to_github_are_counted_where_they_belong() -> None:
    with counting_calls() as outer:
        count_call()
        with counting_calls() as inner:
            count_call()
            count_call()
    count_call()

    assert (outer.sent, inner.sent) == (1, 2)
