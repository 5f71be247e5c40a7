"""Reads a gist at GitHub, and no more of its large files than an answer has room for."""

from collections.abc import Sequence
from typing import Final

from gist_mcp import process
from gist_mcp.calls.argument_names import shown
from gist_mcp.errors import NotFound
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.principal import GitHubUserId
from gist_mcp.tools.answer_budget import budget_bytes
from gist_mcp.tools.file_content import FileText, file_text, given_bytes, known_length
from gist_mcp.tools.gist_content import GistContent, Wanted, gist_content, positions

MAX_LISTED_FILES: Final = 300
"""GitHub lists no more files of a gist (REST, gists: truncation)."""

MAX_RAW_READS: Final = 8
"""Files of one gist that an answer reads from their own addresses. Texts fill it long before that,
but binary files do not."""

MAX_NAMED: Final = 20


async def read_gist(
    token: GitHubToken, gist_id: str, wanted: Wanted, me: GitHubUserId
) -> GistContent:
    """What `get_gist` answers. Raises what `GitHubClient.get_gist` raises, `NotFound` for a file
    that is not in the gist, and `InvalidArgument` for an offset behind the end.
    """
    services = process.services()
    max_tokens = services.config.max_result_tokens
    gist = (
        await services.github.get_revision(token, gist_id, wanted.revision)
        if wanted.revision
        else await services.github.get_gist(token, gist_id)
    )
    texts = await _texts(chosen(gist, wanted.filenames), wanted, budget_bytes(max_tokens))
    return gist_content(gist, texts, me, wanted, max_tokens=max_tokens)


def chosen(gist: Gist, names: Sequence[str]) -> list[GistFile]:
    """The files of these names, all of them if there are none. Raises `NotFound`."""
    if not names:
        return list(gist.files)
    files = {file.filename: file for file in gist.files}
    unknown = next((name for name in names if name not in files), None)
    if unknown is None:
        return [files[name] for name in dict.fromkeys(names)]
    there = ", ".join(f"`{shown(name)}`" for name in list(files)[:MAX_NAMED])
    others = f" and {len(files) - MAX_NAMED} others" if len(files) > MAX_NAMED else ""
    unlisted = " GitHub lists 300 files only, and the gist has more." if gist.truncated else ""
    raise NotFound(
        f"filenames: the gist has no file `{shown(unknown)}`. It has {there}{others}.{unlisted}"
    )


async def _texts(files: Sequence[GistFile], wanted: Wanted, left_bytes: int) -> list[FileText]:
    """The files, of which those are read that the answer may have room for."""
    begins = positions([known_length(file) for file in files])
    raw_reads = 0
    texts: list[FileText] = []
    for file, begin, next_begin in zip(files, begins[:-1], begins[1:], strict=True):
        is_wanted = next_begin > wanted.offset and begin < wanted.end and left_bytes > 0
        needs_raw = is_wanted and given_bytes(file) is None
        raw_reads += needs_raw
        if not is_wanted or raw_reads > MAX_RAW_READS:
            texts.append(FileText(file=file, data=None, is_read=False))
            continue
        text = await file_text(process.services().github, file)
        texts.append(text)
        end = min(begin + text.length_bytes, wanted.end)
        left_bytes -= 0 if text.data is None else end - max(begin, wanted.offset)
    return texts
