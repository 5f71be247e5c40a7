"""Gists as lists show them, and contents as a search reads them."""

from datetime import UTC, datetime

from gist_mcp.github.gist_contents import GistContents
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.principal import GitHubUserId

UPDATED_AT = datetime(2026, 11, 28, tzinfo=UTC)
ME = GitHubUserId(1)


def listed(gist_id: str, description: str = "", *filenames: str, size_bytes: int = 10) -> Gist:
    """A gist of mine without contents; its only file is `a.txt` unless others are named."""
    return Gist(
        id=gist_id,
        html_url=f"https://gist.github.com/octocat/{gist_id}",
        description=description,
        public=False,
        files=tuple(
            GistFile(
                filename=name,
                size_bytes=size_bytes,
                language=None,
                type="text/plain",
                raw_url=None,
                content=None,
                truncated=False,
                encoding="utf-8",
            )
            for name in filenames or ("a.txt",)
        ),
        owner_id=ME,
        owner_login="octocat",
        created_at=UPDATED_AT,
        updated_at=UPDATED_AT,
        truncated=False,
        comments=0,
    )


def contents(**texts: str) -> GistContents:
    """Contents by file name, with `_` for a dot."""
    return GistContents(
        texts={name.replace("_", "."): text for name, text in texts.items()}, unread=()
    )
