"""What a line says to a program that reads it: the name of an event, and its fields."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from gist_mcp.logs.context import Field

_EVENT: Final = "gist_mcp_event"
_DETAIL: Final = "gist_mcp_detail"
"""Where a record has them."""


def event(name: str, /, **fields: Field) -> dict[str, Any]:
    """The argument `extra` of a line that tells of the event `name`.

    The names of events and fields are an interface: docs/logs.md lists them.
    """
    told: Mapping[str, Field] = {"event": name, **fields}
    return {_EVENT: told}


def detail(name: str, /, **fields: Field) -> dict[str, Any]:
    """The same for a line that only the JSON form has, unless `LOG_LEVEL` is `DEBUG`."""
    return {**event(name, **fields), _DETAIL: True}


def is_detail(record: logging.LogRecord) -> bool:
    """True for a line that a person would not read."""
    return getattr(record, _DETAIL, False)


def fields_of(record: logging.LogRecord) -> Mapping[str, Field]:
    """The event of a line and its fields, or nothing."""
    told: Mapping[str, Field] = getattr(record, _EVENT, {})
    return told
