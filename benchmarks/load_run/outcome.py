"""What became of a request: done, refused by a limit that the server states, or an error. Pure.

A stated limit is told by the server's own words: HTTP 429 with `Retry-After`, or a tool error that
says in how many seconds to try again. A client of OAuth is told so in `error_description`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

OK = 200
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

ERROR_TEXT_CHARACTERS = 100

_TRY_AGAIN = re.compile(r"\b(?:try|start) again in (\d+) seconds?\b", re.IGNORECASE)
_WHOLE_SECONDS = re.compile(r"\d+")


class Kind(Enum):
    """The three ends of a request."""

    DONE = "done"
    STATED_LIMIT = "stated limit"
    ERROR = "error"


@dataclass(frozen=True)
class Outcome:
    """How a request ended. `text` names a limit or an error, the same for all of one kind."""

    kind: Kind
    text: str = ""
    wait_seconds: int = 0
    """For how long a stated limit asks to wait."""


@dataclass(frozen=True)
class Reply:
    """A request's outcome, and its result where it has one."""

    outcome: Outcome
    result: Mapping[str, Any] = field(default_factory=dict)


DONE = Outcome(Kind.DONE)


def error(text: str) -> Outcome:
    """An error that is no stated limit. Numbers are left out of its name, so that it is counted
    with its kind."""
    return Outcome(Kind.ERROR, re.sub(r"\d{4,}|[0-9a-f]{16,}", "...", text[:ERROR_TEXT_CHARACTERS]))


def limit_of_status(status: int, headers: Mapping[str, str]) -> Outcome | None:
    """The stated limit that an HTTP answer is, if it is one. Header names are in lower case."""
    retry_after = headers.get("retry-after", "")
    if status != TOO_MANY_REQUESTS or not _WHOLE_SECONDS.fullmatch(retry_after):
        return None
    return Outcome(Kind.STATED_LIMIT, "HTTP 429", int(retry_after))


def reply_of(status: int, headers: Mapping[str, str], text: bytes) -> Reply:
    """The reply to a JSON-RPC request. `text` is its response, or the body of a refusal."""
    if limit := limit_of_status(status, headers):
        return Reply(limit)
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if status != OK or not isinstance(message, dict):
        return Reply(error(f"HTTP {status} {text.decode(errors='replace')}"))
    result = message.get("result")
    if isinstance(result, dict) and not result.get("isError"):
        return Reply(DONE, result)
    problem = message.get("error") if result is None else _text_of(result)
    words = problem if isinstance(problem, str) else json.dumps(problem)
    return Reply(refusal_of(words))


def refusal_of(words: str) -> Outcome:
    """The outcome that a refusal in words is: a stated limit, if it says when to try again."""
    if found := _TRY_AGAIN.search(words):
        return Outcome(Kind.STATED_LIMIT, _TRY_AGAIN.sub("", words), int(found[1]))
    return error(words)


def answer_of(status: int, headers: Mapping[str, str], expected: frozenset[int]) -> Outcome:
    """The outcome of a request to a page or an endpoint, which should answer with `expected`."""
    if status in expected:
        return DONE
    return limit_of_status(status, headers) or error(f"HTTP {status}")


def _text_of(result: Mapping[str, Any]) -> str:
    return " ".join(each.get("text", "") for each in result.get("content", ()))
