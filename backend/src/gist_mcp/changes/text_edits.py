"""Exact find-and-replace edits of a text. Pure rules.

An edit says what stands there and what shall stand there instead. What it names must be in the text
once, or it is not certain which place is meant; nothing is changed then.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gist_mcp.calls.argument_schema import MAX_FAULTS, all_faults
from gist_mcp.calls.foreign_text import without_hidden
from gist_mcp.calls.text import check_length, check_text
from gist_mcp.constants import MAX_GIST_CONTENT_BYTES
from gist_mcp.errors import InvalidArgument

MAX_EDITS: Final = 100
"""Edits of one call."""

MAX_NAMED_LINES: Final = 5
"""How many of the places where a text occurs an error names. No more are looked for: in a text that
repeats itself each place costs as much time as the whole."""

MAX_HINT_CHARACTERS: Final = 200_000
"""In a longer text no place is looked for that is nearly the one: in one of emoji, say, that takes
a tenth of a second for each edit."""


@dataclass(frozen=True)
class Edit:
    """`old_text` becomes `new_text`."""

    old_text: str
    new_text: str


def check_edits(edits: Sequence[Edit], append: str) -> None:
    """Raises `InvalidArgument` with all faults that do not depend on the text to be edited."""
    if not edits and not append:
        raise InvalidArgument("edits", "is empty, and so is append: nothing would change.")
    if len(edits) > MAX_EDITS:
        raise InvalidArgument(
            "edits", f"has {len(edits)} entries; one call takes {MAX_EDITS} at most."
        )
    faults: list[InvalidArgument] = []
    for number, edit in enumerate(edits):
        try:
            _check_edit(edit, f"edits[{number}]")
        except InvalidArgument as fault:
            faults.append(fault)
    try:
        check_text("append", append)
        check_length("append", append, MAX_GIST_CONTENT_BYTES)
    except InvalidArgument as fault:
        faults.append(fault)
    if faults:
        raise all_faults(faults)


def _check_edit(edit: Edit, field: str) -> None:
    for name, text in (("old_text", edit.old_text), ("new_text", edit.new_text)):
        check_text(f"{field}.{name}", text)
        check_length(f"{field}.{name}", text, MAX_GIST_CONTENT_BYTES)
    if not edit.old_text:
        raise InvalidArgument(
            f"{field}.old_text",
            "is empty; give the text to replace, or use `append` to add at the end.",
        )
    if edit.old_text == edit.new_text:
        raise InvalidArgument(f"{field}.new_text", "is the same as old_text; nothing would change.")


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text after all edits, each made in what the ones before it have left.

    Raises `InvalidArgument` with all edits that cannot be made, and why. After one that cannot be,
    the others are judged as if it had not been asked for.
    """
    faults: list[InvalidArgument] = []
    for number, edit in enumerate(edits):
        try:
            text = _edited_once(text, edit, f"edits[{number}].old_text")
        except InvalidArgument as fault:
            faults.append(fault)
        if len(faults) == MAX_FAULTS:
            # To say why takes far longer than to edit, and no more of them are shown.
            break
    if faults:
        raise all_faults(faults)
    return text


def appended(text: str, addition: str) -> str:
    """The text with `addition` at its end, on a line of its own.

    A text whose last line has no line break gets one first, of the kind that it has elsewhere.
    `addition` itself gets none.
    """
    needs_line_break = text and addition and not text.endswith("\n")
    return f"{text}{_line_break(text) if needs_line_break else ''}{addition}"


def _edited_once(text: str, edit: Edit, field: str) -> str:
    first = text.find(edit.old_text)
    if first < 0:
        raise InvalidArgument(field, _why_missing(text, edit.old_text))
    if text.find(edit.old_text, first + 1) >= 0:
        raise InvalidArgument(field, _why_ambiguous(text, edit.old_text))
    return text[:first] + edit.new_text + text[first + len(edit.old_text) :]


def _why_missing(text: str, old_text: str) -> str:
    if len(text) > MAX_HINT_CHARACTERS:
        return "is not in the file. Copy it from get_gist, character by character."
    reason = _what_differs(text, old_text)
    if reason is None:
        return "is not in the file. Read the file again with get_gist; it may have changed."
    line = _similar_line(text, old_text)
    place = f" (see line {line})" if line else ""
    return f"is not in the file as it is: {reason}{place}. Copy the text from get_gist."


def _what_differs(text: str, old_text: str) -> str | None:
    """In what the file writes the text that is meant otherwise; `None` if it is not there."""
    if _with_plain_lines(old_text) in _with_plain_lines(text):
        return f"the lines of the file end with {_line_ends(text)}"
    wanted = _in_one_line(old_text)
    if wanted and wanted in _in_one_line(text):
        return "blanks, tabs or line breaks differ"
    if old_text.casefold() in text.casefold():
        return "upper and lower case differ"
    wanted = _simplified(old_text)
    if wanted and wanted in _simplified(text):
        return "characters differ that look alike or cannot be seen"
    return None


def _similar_line(text: str, old_text: str) -> int:
    """The number of the line where what is meant begins, from 1; 0 if no line is similar."""
    first = next((line for line in old_text.splitlines() if line.strip()), "")
    wanted = _simplified(first)
    if not wanted:
        return 0
    lines = enumerate(text.split("\n"), start=1)
    return next((number for number, line in lines if wanted in _simplified(line)), 0)


def _why_ambiguous(text: str, old_text: str) -> str:
    lines: list[int] = []
    at = text.find(old_text)
    while at >= 0 and len(lines) <= MAX_NAMED_LINES:
        lines.append(text.count("\n", 0, at) + 1)
        at = text.find(old_text, at + 1)
    is_more = len(lines) > MAX_NAMED_LINES
    named = ", ".join(map(str, lines[:MAX_NAMED_LINES]))
    count = f"more than {MAX_NAMED_LINES}" if is_more else str(len(lines))
    return (
        f"is in the file {count} times (it begins at the lines {named}{', ...' if is_more else ''})"
        ". Give more of the text around the place that is meant, so that it is there once."
    )


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_ends(text: str) -> str:
    has_windows = "\r\n" in text
    has_plain = "\n" in text.replace("\r\n", "")
    if has_windows and has_plain:
        return "CR LF in some places and LF in others"
    return "CR LF" if has_windows else "LF"


def _with_plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _simplified(text: str) -> str:
    """Equal for texts that people read as the same one."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", without_hidden(text))
    return _in_one_line(plain).casefold()
