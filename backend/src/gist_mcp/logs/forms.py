"""The two forms of a line: text for people, JSON for programs (`LOG_FORMAT`)."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, override

from gist_mcp.logs.context import Field, current
from gist_mcp.logs.event import fields_of

MAX_LINE_BYTES: Final = 16 * 1024 - 1
"""Docker and Kubernetes cut longer lines in pieces, and none of them is JSON."""

_MESSAGE_BYTES: Final = 2_000
_TRACEBACK_BYTES: Final = 6_000
_SETTINGS_BYTES: Final = 4_000
_FIELD_BYTES: Final = 300
"""What texts take at most, as JSON. What is longer is cut."""

_CUT: Final = "..."


class TextForm(logging.Formatter):
    """Time, level, logger, text. A traceback follows the line that reports it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    @override
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _time(record)


class JsonForm(logging.Formatter):
    """One JSON object, in ASCII and in one line, whatever a text has in it.

    `time`, `level`, `logger` and `message` are on every line, `event` and its fields on a line of
    ours, `request_id` and what else is known of it on a line that belongs to a request,
    `traceback` on one that reports an exception.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": _cut(record.name, _FIELD_BYTES),
            "message": _cut(record.getMessage(), _MESSAGE_BYTES),
        }
        told = fields_of(record)
        subject = current()
        known: Mapping[str, Field] = {}
        if subject is not None:
            known = {"request_id": subject.request_id, **subject.fields}
        # What the line itself says counts.
        for name, value in {**known, **told}.items():
            if value is not None and name not in line:
                line[name] = _fit(value)
        if record.exc_info and record.exc_info[0] is not None:
            # The end of it says what was raised.
            text = self.formatException(record.exc_info)
            line["traceback"] = _cut(text, _TRACEBACK_BYTES, keeps_end=True)
        return json.dumps(line)


def _time(record: logging.LogRecord) -> str:
    """As RFC 3339 has it, in UTC."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fit(value: Field) -> Field:
    if isinstance(value, str):
        return _cut(value, _FIELD_BYTES)
    if isinstance(value, Mapping):
        return _fitting(value)
    return value


def _fitting(settings: Mapping[str, str]) -> Mapping[str, str]:
    """As many settings as there is room for, each of them cut."""
    kept: dict[str, str] = {}
    room = _SETTINGS_BYTES
    for name, value in settings.items():
        text = _cut(value, _FIELD_BYTES)
        room -= len(json.dumps({name: text}))
        if room >= 0:
            kept[name] = text
    return kept


def _cut(text: str, limit_bytes: int, *, keeps_end: bool = False) -> str:
    """The text, or the longest part of it that takes no more than `limit_bytes` as JSON."""
    # No character takes less than a byte, so more of them cannot fit.
    text = text[-limit_bytes - 1 :] if keeps_end else text[: limit_bytes + 1]
    # A surrogate alone is no character: some parsers refuse the whole line for one.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if len(json.dumps(text)) <= limit_bytes:
        return text
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        fits = len(json.dumps(_part(text, middle, keeps_end=keeps_end))) <= limit_bytes
        low, high = (middle, high) if fits else (low, middle)
    return _part(text, low, keeps_end=keeps_end)


def _part(text: str, length: int, *, keeps_end: bool) -> str:
    return _CUT + text[len(text) - length :] if keeps_end else text[:length] + _CUT
