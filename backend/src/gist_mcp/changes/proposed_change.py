"""A change of a gist that is there, as a person decides about it. Pure rules."""

from gist_mcp.changes.approval import Proposal, described, digest_of, named, new_texts, sized
from gist_mcp.changes.sent_change import GistChange
from gist_mcp.github.models import FileChange, Gist


def proposed_change(tool: str, gist: Gist, base: str, change: GistChange) -> Proposal:
    """The proposal of `tool` to change the gist, which is at the revision `base`."""
    lines = [_line(name, file) for name, file in change.files.items()]
    texts = new_texts(
        (file.new_filename or name, file.content or "")
        for name, file in change.files.items()
        if file is not None
    )
    if change.description is not None:
        lines.insert(0, "a new description" if change.description else "no description any more")
        texts.insert(0, ("description", change.description))
    files = {
        name: None if file is None else [file.content, file.new_filename]
        for name, file in change.files.items()
    }
    return Proposal(
        tool=tool,
        action=f"Change {described(gist)}",
        is_public=gist.public,
        texts=texts,
        shown=lines,
        digest=digest_of(gist.id, base, change.description, files),
    )


def _line(name: str, file: FileChange | None) -> str:
    if file is None:
        return f"{named(name)} is deleted"
    new_name = file.new_filename or name
    if file.content is None:
        return f"{named(name)} gets the name {named(new_name)}"
    line = sized(new_name, file.content)
    return line if new_name == name else f"{line} (until now {named(name)})"
