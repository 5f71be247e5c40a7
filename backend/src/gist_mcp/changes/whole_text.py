"""The whole text of a file at GitHub, exactly as it is, or a refusal. Never a part of it."""

from typing import Final

from gist_mcp import process
from gist_mcp.errors import Conflict, NotFound
from gist_mcp.github.models import GistFile

MAX_EDITED_BYTES: Final = 10_000_000
"""Of a file that is edited, in UTF-8. GitHub gives larger files, over 10 MB, to git only."""

_BINARY: Final = "This file is binary, or no text in UTF-8, so it cannot be edited."
_TOO_LARGE: Final = (
    f"This file is larger than {MAX_EDITED_BYTES:,} bytes, which GitHub gives to git only: clone "
    "the gist to edit it."
)
_NOT_GIVEN: Final = "GitHub does not give the whole content of this file, so it cannot be edited."


def shown_text(file: GistFile) -> str | None:
    """The content as GitHub's answer has it; `None` where it may be less, or something else."""
    content = file.content
    if content is None or file.truncated or file.encoding != "utf-8":
        return None
    # Bytes that are no UTF-8 come as U+FFFD: to write that back would destroy them.
    return None if "\ufffd" in content or "\x00" in content else content


async def whole_text(file: GistFile) -> str:
    """The content, read from its raw address where GitHub's answer may have less.

    Raises `Conflict` for what is no text, too large, or not given, and what `get_raw` raises.
    """
    text = shown_text(file)
    if text is not None:
        return text
    if file.content is not None and "\x00" in file.content:
        raise Conflict(_BINARY)
    if (file.size_bytes or 0) > MAX_EDITED_BYTES:
        raise Conflict(_TOO_LARGE)
    if file.raw_url is None:
        raise Conflict(_NOT_GIVEN)
    try:
        data = await process.services().github.get_raw(file.raw_url)
    except NotFound:
        raise Conflict(_NOT_GIVEN) from None
    if len(data) > MAX_EDITED_BYTES:
        raise Conflict(_TOO_LARGE)
    if b"\x00" in data:
        raise Conflict(_BINARY)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Conflict(_BINARY) from None
