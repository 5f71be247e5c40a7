"""Pure: what it means when GitHub does not do what it was asked.

One rule stands above the rest: after a write, every error but `OutcomeUnknown` promises that
nothing was changed. So only answers with which GitHub itself refuses (4xx) are refusals; a 5xx
may come after the deed.
"""

from collections.abc import Iterable

from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    GitHubRefusesServer,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    PermissionRequired,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github.answer import Answer, Asker, Call
from gist_mcp.github.redaction import redact
from gist_mcp.github.wire import WireProblemEntry, parse_problem

MAX_WAIT_SECONDS = 86_400
"""No limit of GitHub lasts longer than an hour; more than a day is a broken header."""

UNKNOWN_WAIT_SECONDS = 60
"""GitHub, rate limits: without a header, wait for at least one minute."""

OUTAGE_WAIT_SECONDS = 5
"""When to come back after a fault of GitHub that does not say how long it lasts."""

_LIMIT_MESSAGES = ("rate limit", "abuse detection")
_FOREIGN_TOKEN_MESSAGE = "resource not accessible by"
_FIELDS = {
    "content": "files",
    "description": "description",
    "filename": "files",
    "files": "files",
    "public": "public",
    "since": "since",
}
"""GitHub's names of arguments and ours."""

_CODES = {
    "already_exists": "it exists already",
    "invalid": "its form is invalid",
    "missing": "it does not exist",
    "missing_field": "it is missing",
    "unprocessable": "it cannot be processed",
}
"""GitHub, troubleshooting: the codes of validation errors."""


def refusal(call: Call, answer: Answer, *, now: float, secrets: Iterable[str] = ()) -> GistMcpError:
    """The error for an answer that is not a success of `call`.

    `now` is Unix time in seconds, used where GitHub does not tell its own. GitHub's words are
    quoted only after redaction; `secrets` are removed from them.
    """
    raw_message, entries = parse_problem(answer.body)
    secrets = tuple(secrets)
    message = redact(raw_message, secrets=secrets)
    status = answer.status
    if not 400 <= status < 500 or status == 408:
        return lost_answer(call, f"status {status}", _header_seconds(answer, "retry-after"))
    limited = _limit(answer, message, now=now)
    if limited is not None:
        return limited
    if call.asker is Asker.APP or status in (400, 410):
        return _server_refused(call, status, message)
    if status == 422:
        return _invalid(call, message, entries, secrets)
    return _denied(call, answer, message)


def lost_answer(
    call: Call, reason: str, retry_after_seconds: int | None = None
) -> OutcomeUnknown | GitHubUnavailable:
    """The error when there is no telling from the answer what GitHub did.

    A read changes nothing, so for reads this is `GitHubUnavailable`.
    """
    if call.writes:
        return OutcomeUnknown(
            "GitHub got the request, but did not confirm it: the change may or may not have "
            "been made. Look at GitHub before asking for it again.",
            log_reason=f"GitHub's answer to a write was lost: {reason}",
        )
    return unavailable(reason, retry_after_seconds)


def unavailable(reason: str, retry_after_seconds: int | None = None) -> GitHubUnavailable:
    """GitHub has a fault, `reason` says to the operator which; nothing was changed."""
    seconds = retry_after_seconds or OUTAGE_WAIT_SECONDS
    error = GitHubUnavailable(
        f"GitHub does not answer properly right now; nothing was changed. "
        f"Try again in {seconds} seconds.",
        retry_after_seconds=seconds,
    )
    error.log_reason = f"GitHub is unavailable: {reason}"
    return error


def _limit(answer: Answer, message: str, *, now: float) -> RateLimited | None:
    """`RateLimited` if this is a limit and not a missing permission (GitHub, rate limits)."""
    if answer.status not in (403, 429):
        return None
    retry_after = _header_seconds(answer, "retry-after")
    lowered = message.lower()
    if lowered.startswith("maximum number of login attempts"):
        # Everybody's attempts for this account fail for a while, so the token may be good.
        return RateLimited(retry_after or UNKNOWN_WAIT_SECONDS, kind="limit on failed sign-ins")
    kind = "secondary rate limit" if "secondary" in lowered else "rate limit"
    if retry_after is not None:
        return RateLimited(retry_after, kind=kind)
    if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
        return RateLimited(_until_reset(answer, now=now), kind=kind)
    if answer.status == 429 or any(words in lowered for words in _LIMIT_MESSAGES):
        return RateLimited(UNKNOWN_WAIT_SECONDS, kind=kind)
    return None


def _until_reset(answer: Answer, *, now: float) -> int:
    reset = _header_number(answer, "x-ratelimit-reset")
    if reset is None:
        return UNKNOWN_WAIT_SECONDS
    # By GitHub's clock if it is known: ours may be off by more than the wait.
    date = answer.date
    current = now if date is None else date.timestamp()
    return _bounded(int(reset - current) + 1)


def _header_seconds(answer: Answer, name: str) -> int | None:
    number = _header_number(answer, name)
    return None if number is None else _bounded(number)


def _header_number(answer: Answer, name: str) -> int | None:
    value = answer.headers.get(name, "").strip()
    # Digits of other scripts are not numbers in a header, and a long row of digits is refused.
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 15 else None


def _bounded(seconds: int) -> int:
    return min(max(seconds, 1), MAX_WAIT_SECONDS)


def _server_refused(call: Call, status: int, message: str) -> GistMcpError:
    if status in (409, 422):
        return unavailable(f"status {status} to a call as the OAuth App")
    said = _said(message)
    if call.asker is Asker.APP:
        return GitHubRefusesServer(
            f"GitHub answered {status} to this OAuth App.{said} Check GITHUB_CLIENT_ID, "
            "GITHUB_CLIENT_SECRET and GITHUB_API_URL."
        )
    return GitHubRefusesServer(
        f"GitHub answered {status} to a request of this server.{said} It may be too old for "
        "GitHub's API, or GITHUB_API_URL may be wrong."
    )


def _invalid(
    call: Call, message: str, entries: tuple[WireProblemEntry, ...], secrets: tuple[str, ...]
) -> GistMcpError:
    """For 422, "Validation Failed"."""
    entry = entries[0] if entries else WireProblemEntry()
    detail = redact(entry.message, secrets=secrets)
    if entry.field == "user" or "verified email" in detail.lower():
        return Conflict(
            "GitHub wants a verified email address first. Verify one on GitHub under Settings, "
            "Emails, then call again."
        )
    if not call.arguments:
        return Conflict(f"GitHub refuses this.{_said(detail or message)}")
    field = _FIELDS.get(entry.field, "")
    if field not in call.arguments:
        return InvalidArgument(call.arguments[0], f"GitHub refuses this.{_said(detail or message)}")
    if field == "files" and entry.code == "missing_field":
        return InvalidArgument(
            field,
            "GitHub wants at least one file, content in every file (white space alone counts as "
            "none), and a change to change something.",
        )
    reason = _CODES.get(entry.code, "")
    return InvalidArgument(
        field, f"GitHub refuses this{': ' + reason if reason else ''}.{_said(detail)}"
    )


def _denied(call: Call, answer: Answer, message: str) -> GistMcpError:
    """For the other 4xx, of which GitHub uses 401, 403, 404, 409, 413 and 451."""
    status = answer.status
    if call.asker is Asker.NOBODY:
        return NotFound("GitHub does not show this without a sign-in.")
    if status == 401:
        return SignInRequired(
            "GitHub does not accept the sign-in: its token has expired or was revoked, or never "
            "was one. Sign in again."
        )
    if status == 403 and message.lower().startswith(_FOREIGN_TOKEN_MESSAGE):
        return _permission_missing(call, answer)
    if status in (403, 404) and call.needs_gist_scope and answer.lacks_gist_scope:
        # GitHub hides what a token may not write: 404 instead of 403.
        return ScopeRequired({"gist"})
    if status == 404:
        return _not_found(call, answer)
    if status == 413:
        return InvalidArgument("files", "GitHub refuses this much at once. Send less.")
    if status == 403:
        return Conflict(f"GitHub does not allow this.{_said(message)}")
    return Conflict(f"GitHub refuses this as things stand (status {status}).{_said(message)}")


def _not_found(call: Call, answer: Answer) -> GistMcpError:
    """For 404 to a token of which GitHub does not say that it lacks the scope."""
    if call.names_gist:
        if call.needs_gist_scope and answer.scopes is None:
            return NotFound(
                "GitHub has no such gist, or this token may not do that to it. Check the gist's "
                f"id, and that the token has {_what_writing_needs(answer)}."
            )
        return NotFound("GitHub has no such gist, or it is not visible to you. Check its id.")
    if not call.needs_gist_scope:
        return NotFound("GitHub has nothing there (status 404); nothing was changed.")
    # Nothing in the call could be unknown to GitHub, so what it hides is the right to make it.
    if answer.to_permissions:
        return _permission_missing(call, answer)
    if answer.scopes is None:
        return ScopeRequired({"gist"})
    return Conflict(
        "GitHub does not let this account do that (status 404), although its token has the scope "
        "gist; nothing was changed. Whether it may at all shows on GitHub's own page for it."
    )


def _permission_missing(call: Call, answer: Answer) -> PermissionRequired:
    """For a token that has permissions instead of scopes."""
    named = answer.accepted_permissions
    lacking = "a permission that this needs" + (f" (GitHub names {named})" if named else "")
    if call.needs_gist_scope:
        lacking = _what_writing_needs(answer)
    return PermissionRequired(
        f"GitHub refuses this: the token lacks {lacking}. Nothing was changed. The owner of the "
        "token can add it at GitHub, or the user signs in to this server instead."
    )


def _what_writing_needs(answer: Answer) -> str:
    """The right to write gists, in the words of whoever can give it."""
    return 'the permission "Gists: write"' if answer.to_permissions else "the scope gist"


def _said(message: str) -> str:
    return f' GitHub says: "{message}"' if message else ""
