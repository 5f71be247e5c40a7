"""A call that changes something says at its end whether it may have, whatever ended it."""

import pytest

from gist_mcp.calls.tool_errors import InternalError
from gist_mcp.changes.change_errors import final_error
from gist_mcp.changes.create_gist import CreateGist
from gist_mcp.changes.work import NeverMade
from gist_mcp.errors import (
    Cancelled,
    Conflict,
    GistMcpError,
    GitHubUnavailable,
    OutcomeUnknown,
    RateLimited,
    SignInRequired,
)

ENDS = [
    InternalError("0123456789ab"),
    Cancelled("The call was cancelled."),
    Conflict("GitHub does not allow this."),
    GitHubUnavailable("GitHub does not answer properly right now; nothing was changed."),
    RateLimited(30),
]


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_whatever_ends_a_call_that_may_have_sent_leaves_a_doubt(error: GistMcpError) -> None:
    end = final_error(error, CreateGist.words, maybe_sent=True)

    assert isinstance(end, OutcomeUnknown)
    assert "not known whether the gist was made" in str(end)
    assert "nothing was changed" not in str(end)
    assert "looks by itself" in str(end)


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_what_ends_a_call_that_has_not_sent_leaves_none(error: GistMcpError) -> None:
    assert not isinstance(final_error(error, CreateGist.words, maybe_sent=False), OutcomeUnknown)


@pytest.mark.parametrize(
    "error", [InternalError("0123456789ab"), SignInRequired("Nobody is signed in.")]
)
def test_a_text_that_does_not_say_so_itself_is_told_that_nothing_was_made(
    error: GistMcpError,
) -> None:
    assert (
        str(final_error(error, CreateGist.words, maybe_sent=False))
        == f"The gist was not made. {error}"
    )


def test_a_doubt_stays_a_doubt() -> None:
    doubt = OutcomeUnknown("It is not known whether the gist was made.")

    assert final_error(doubt, CreateGist.words, maybe_sent=False) is doubt


def test_what_was_certainly_not_made_is_no_doubt() -> None:
    error = NeverMade("Somebody else has changed the gist.")

    assert str(final_error(error, CreateGist.words, maybe_sent=True)).startswith("The gist was not")
