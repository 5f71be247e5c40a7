"""docs/logs.md lists what a program can rely on in the log: events, fields and outcomes."""

import ast
import re
from collections.abc import Iterator

import pytest

from gist_mcp.calls.call_log import Outcome
from tests.support.deployment import REPOSITORY

SOURCE = REPOSITORY / "backend" / "src"
PAGE = (REPOSITORY / "docs" / "logs.md").read_text()
MADE_BY = {"event", "detail", "note"}
# Given as a dictionary, `**whose(call)` and `**_fields(end)` in `calls/call_log.py`.
CALL_FIELDS = {"tool", "account_id", "login", "client_id", "client_name", "outcome", "error"}
OF_EVERY_LINE = {"time", "level", "logger", "message", "event", "traceback", "request_id"}


def column(header: str) -> list[str]:
    """What stands in backticks in the first cells of a table."""
    table = PAGE.split(f"| {header} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


def made() -> Iterator[ast.Call]:
    """All calls that make an event or note a field."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        calls = ast.walk(ast.parse(text)) if "gist_mcp.logs" in text else ()
        for node in calls:
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in MADE_BY:
                    yield node


def test_every_event_is_listed_and_no_other() -> None:
    names = {
        call.args[0].value
        for call in made()
        if call.args and isinstance(call.args[0], ast.Constant)
    }

    assert sorted(column("event")) == sorted(map(str, names))


def test_every_field_is_listed() -> None:
    fields = {keyword.arg for call in made() for keyword in call.keywords if keyword.arg}

    assert fields | OF_EVERY_LINE | CALL_FIELDS <= set(column("field"))


def test_every_outcome_is_listed_and_no_other() -> None:
    assert column("outcome") == list(Outcome)


@pytest.mark.parametrize("header", ["event", "field", "outcome"])
def test_nothing_is_listed_twice(header: str) -> None:
    names = column(header)

    assert len(names) == len(set(names))
