"""Which request, or which tool call, the lines of the log belong to.

A `Subject` is bound to the running task, and to all tasks that begin in it. The JSON form of the
log puts its id and its fields on every line that is logged meanwhile.
"""

import contextlib
import contextvars
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

REQUEST_ID_BYTES: Final = 8
"""An id is unique among the requests that an operator looks through, and no credential."""

MAX_CALLS: Final = 10_000
"""Calls of which a process remembers which request has begun them."""

Field = str | int | float | bool | Mapping[str, str] | None
"""What a field of a line may hold. One that is `None` is left out."""


@dataclass(kw_only=True)
class Subject:
    """What lines belong to: an HTTP request, or a tool call.

    `fields` are put on its lines. `is_forwarded`: another process of ours has sent the request
    here, and logs it.
    """

    request_id: str
    fields: dict[str, Field] = field(default_factory=dict)
    is_forwarded: bool = False


_current: contextvars.ContextVar[Subject | None] = contextvars.ContextVar("subject", default=None)
_request_of_call: Final[LRUCache[str, str]] = LRUCache(MAX_CALLS)


def new_request_id() -> str:
    """An id for a request. Always ours: one that a client chose could be another request's."""
    return secrets.token_hex(REQUEST_ID_BYTES)


def current() -> Subject | None:
    """What lines belong to now."""
    return _current.get()


@contextlib.contextmanager
def logging_for(subject: Subject) -> Iterator[Subject]:
    """Lines belong to `subject` meanwhile."""
    token = _current.set(subject)
    try:
        yield subject
    finally:
        _current.reset(token)


def note(**fields: Field) -> None:
    """Puts fields on the further lines of the request or call that runs now, if one does."""
    subject = _current.get()
    if subject is not None:
        subject.fields.update(fields)


def forwarded_as(request_id: str) -> None:
    """The running request was forwarded here by a process of ours, which has given it that id."""
    subject = _current.get()
    if subject is not None:
        subject.request_id, subject.is_forwarded = request_id, True


def begins_call(call_id: str) -> None:
    """The running request is about to begin a call with that id."""
    subject = _current.get()
    if subject is not None:
        _request_of_call[call_id] = subject.request_id


def of_call(call_id: str) -> Subject:
    """What the lines of a running call belong to: the request that has begun it in this process.

    A call that was begun before a restart has no request here, and its own id in that place.
    """
    request_id = _request_of_call.get(call_id, call_id)
    return Subject(request_id=request_id, fields={"call_id": call_id})
