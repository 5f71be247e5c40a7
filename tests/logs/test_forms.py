"""A line as JSON is one line, one object, short enough, and has what was said, whatever that is."""

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.logs.context import Subject, logging_for
from gist_mcp.logs.event import detail, event
from gist_mcp.logs.forms import MAX_LINE_BYTES, JsonForm, TextForm

ANY_TEXT = st.text(st.characters(), max_size=40_000) | st.text(
    st.sampled_from('\n\r\u2028\u2029\x00\x1b"\\{}\ud800\U0001f600a'), max_size=20_000
)
RESERVED = {"time", "level", "logger", "message", "traceback"}


def record(text: str, *args: object, error: bool = False, **extra: Any) -> logging.LogRecord:
    """As a logger makes it."""
    made = logging.LogRecord(
        "gist_mcp.x", logging.INFO, __file__, 1, text, args, sys.exc_info() if error else None
    )
    made.__dict__.update(extra)
    return made


def parsed(line: str) -> dict[str, Any]:
    """What a strict parser makes of a line."""
    assert line.isascii()
    assert line.splitlines() == [line]
    assert len(line) <= MAX_LINE_BYTES
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_one_line_of_json(message: str, value: str) -> None:
    fields = {f"field_{number}": value for number in range(8)}

    line = parsed(JsonForm().format(record("%s", message, **event("made", **fields))))

    assert {"event": "made", "level": "INFO", "logger": "gist_mcp.x"}.items() <= line.items()
    assert fields.keys() <= line.keys()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_text_that_fits_is_told_as_it_is(text: str) -> None:
    line = parsed(JsonForm().format(record("%s", text, **event("made", name=text))))

    assert (line["message"], line["name"]) == (text, text)


@given(ANY_TEXT)
def test_a_traceback_is_one_field_and_keeps_its_end(text: str) -> None:
    try:
        raise ValueError(f"{text}\nthe end")
    except ValueError:
        line = parsed(JsonForm().format(record("broken", error=True)))

    assert line["message"] == "broken"
    assert line["traceback"].endswith("the end")


def test_a_field_cannot_be_taken_for_one_of_the_line_itself() -> None:
    forged = dict.fromkeys(RESERVED, "forged")

    line = parsed(JsonForm().format(record("said", **event("made", **forged))))

    assert "forged" not in {line[name] for name in RESERVED - {"traceback"}}


def test_what_is_not_known_is_left_out() -> None:
    line = parsed(JsonForm().format(record("said", **event("made", error=None, count=0))))

    assert "error" not in line
    assert line["count"] == 0


def test_settings_are_an_object_within_the_line() -> None:
    settings = {f"SETTING_{number}": "\u2028" * 500 for number in range(100)}

    line = parsed(JsonForm().format(record("starts", **event("start", settings=settings))))

    assert line["settings"]["SETTING_0"].startswith("\u2028")


def test_lines_of_a_request_carry_its_id_and_what_is_known_of_it() -> None:
    with logging_for(Subject(request_id="4f", fields={"account_id": 7, "tool": "a"})):
        line = parsed(JsonForm().format(record("said", **event("made", tool="b"))))
    after = parsed(JsonForm().format(record("said")))

    assert {"request_id": "4f", "account_id": 7, "tool": "b"}.items() <= line.items()
    assert "request_id" not in after


def test_the_text_for_people_has_no_fields() -> None:
    with logging_for(Subject(request_id="4f")):
        line = TextForm().format(record("said %s", "so", **detail("made", name="secretly")))

    time, rest = line.split(" ", 1)
    assert time.endswith("Z")
    assert rest == "INFO gist_mcp.x: said so"
