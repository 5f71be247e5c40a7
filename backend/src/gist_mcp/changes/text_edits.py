"""Exact find-and-replace edits of a text. Pure rules.

An edit says what stands there and what shall stand there instead. What it names must be in the text
once, or it is not certain which place is meant; nothing is changed then.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gist_mcp.calls.argument_schema import all_faults
from gist_mcp.errors import InvalidArgument

MAX_NAMED_LINES = 5
"""How many of the places where a text occurs an error names."""

_RUNS_OF_WHITE_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Edit:
    """`old_text` becomes `new_text`."""

    old_text: str
    new_text: str


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text after all edits, each made in what the ones before it have left.

    Raises `InvalidArgument` with all edits that cannot be made, and why. After one that cannot be,
    the others are judged as if it had not been asked for.
    """
    faults: list[InvalidArgument] = []
    for number, edit in enumerate(edits):
        try:
            text = _edited_once(text, edit, f"edits[{number}]")
        except InvalidArgument as fault:
            faults.append(fault)
    if faults:
        raise all_faults(faults)
    return text


def appended(text: str, addition: str) -> str:
    """The text with `addition` at its end, on a line of its own."""
    needs_line_break = text and addition and not text.endswith("\n")
    return f"{text}{_line_break(text) if needs_line_break else ''}{addition}"


def _edited_once(text: str, edit: Edit, field: str) -> str:
    old_field = f"{field}.old_text"
    if not edit.old_text:
        raise InvalidArgument(
            old_field, "is empty; give the text to replace, or use `append` to add at the end."
        )
    if edit.old_text == edit.new_text:
        raise InvalidArgument(f"{field}.new_text", "is the same as old_text; nothing would change.")
    first = text.find(edit.old_text)
    if first < 0:
        raise InvalidArgument(old_field, _why_missing(text, edit.old_text))
    if text.find(edit.old_text, first + 1) >= 0:
        raise InvalidArgument(old_field, _why_ambiguous(text, edit.old_text))
    return text[:first] + edit.new_text + text[first + len(edit.old_text) :]


def _why_missing(text: str, old_text: str) -> str:
    if _with_plain_lines(old_text) in _with_plain_lines(text):
        return (
            "is not in the file as it is: the file ends its lines with "
            f"{'CR LF' if _line_break(text) != chr(10) else 'LF'}. Copy the text from get_gist."
        )
    if _in_one_line(old_text) and _in_one_line(old_text) in _in_one_line(text):
        return (
            "is not in the file as it is: blanks, tabs or line breaks differ. Copy the text from "
            "get_gist, character by character."
        )
    if old_text.casefold() in text.casefold():
        return "is not in the file as it is: upper and lower case differ."
    return "is not in the file. Read the file again with get_gist; it may have changed."


def _why_ambiguous(text: str, old_text: str) -> str:
    lines: list[int] = []
    at = text.find(old_text)
    count = 0
    while at >= 0:
        count += 1
        if len(lines) < MAX_NAMED_LINES:
            lines.append(text.count("\n", 0, at) + 1)
        at = text.find(old_text, at + 1)
    places = ", ".join(map(str, lines)) + (", ..." if count > len(lines) else "")
    return (
        f"is in the file {count:,} times (at the lines {places}). Give more of the text around the "
        "place that is meant, so that it is there once."
    )


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _in_one_line(text: str) -> str:
    return _RUNS_OF_WHITE_SPACE.sub(" ", text).strip()
