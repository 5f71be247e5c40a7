"""Which names a file of a gist can have: what GitHub takes and git checks out. Pure rules.

A gist is a git repository. So nearly any text is a name: letters of every script, emoji and special
spaces (macOS puts a narrow no-break space before "AM" in the name of a screenshot). Refused are
names that git refuses, that no file system holds, and that people would read as another name.
"""

import re
import unicodedata

from gist_mcp.calls.text import check_text, first_of, in_code
from gist_mcp.constants import MAX_FILE_NAME_BYTES
from gist_mcp.errors import InvalidArgument

_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (Unicode, UAX 9). With them `cod.exe` reads as `exe.doc`, to
the person who is asked whether to open it. The marks U+200E, U+200F and U+061C, which only settle
where punctuation goes in Arabic and Hebrew names, are taken."""

_LINE_BREAKS = frozenset("\u2028\u2029")
"""Line and paragraph separators: one name would look like two."""

_IGNORED_BY_HFS = frozenset(
    "\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"
)
"""macOS's HFS+ drops these when it compares names (git, `utf8.c`, `next_hfs_char`)."""

_RESERVED = re.compile(r"gistfile\d+(\.[^.]*)?\Z", re.IGNORECASE)
"""GitHub names unnamed files like this and asks not to use it (REST, create a gist)."""

_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""General categories of characters that leave nothing on the screen."""


def check_file_name(field: str, name: str) -> None:
    """Raises `InvalidArgument` for a name that GitHub refuses or a checkout could not hold."""
    check_text(field, name)
    if not name:
        raise InvalidArgument(field, "is empty; give the file a name such as `notes.md`.")
    length_bytes = len(name.encode())
    if length_bytes > MAX_FILE_NAME_BYTES:
        raise InvalidArgument(
            field,
            f"has {length_bytes} bytes in UTF-8; file systems hold {MAX_FILE_NAME_BYTES} at most. "
            "Shorten it.",
        )
    _check_characters(field, name)
    if all(unicodedata.category(character) in _INVISIBLE for character in name):
        raise InvalidArgument(field, "shows nothing; give the file a name such as `notes.md`.")
    if name != name.strip():
        raise InvalidArgument(field, "begins or ends with a blank; leave it out.")
    if name in (".", "..") or _is_git_folder(name):
        raise InvalidArgument(field, "is a name that git keeps for itself; choose another.")
    if _RESERVED.match(name):
        raise InvalidArgument(
            field, "is reserved by GitHub (gistfile and a number); choose another."
        )


def _check_characters(field: str, name: str) -> None:
    if "/" in name:
        raise InvalidArgument(field, "has a slash (U+002F); gists have no folders.")
    if "\\" in name:
        # Not refused by GitHub, but git for Windows takes it for a slash and does not clone.
        raise InvalidArgument(
            field, "has a backslash (U+005C), which separates folders on Windows; leave it out."
        )
    control = first_of(name, lambda character: unicodedata.category(character) == "Cc")
    if control:
        raise InvalidArgument(field, f"has the control character {in_code(control)}; leave it out.")
    line_break = first_of(name, _LINE_BREAKS.__contains__)
    if line_break:
        raise InvalidArgument(field, f"has the line break {in_code(line_break)}; leave it out.")
    bidi = first_of(name, _BIDI_CONTROLS.__contains__)
    if bidi:
        raise InvalidArgument(
            field,
            f"has {in_code(bidi)}, which changes the order in which the name is shown; "
            "leave it out.",
        )


def _is_git_folder(name: str) -> bool:
    """True for every spelling of `.git` that git refuses (`verify_path` in `read-cache.c`).

    Case does not matter on macOS and Windows. HFS+ ignores some characters; NTFS drops dots and
    blanks at the end, knows the short name `git~1`, and reads what follows a colon as a stream.
    """
    on_hfs = "".join(character for character in name if character not in _IGNORED_BY_HFS)
    on_ntfs = on_hfs.partition(":")[0].rstrip(". ")
    return on_ntfs.lower() in (".git", "git~1")
