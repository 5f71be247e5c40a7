"""Gists, files and comments as GitHub's answers become in the application."""

from datetime import UTC, datetime

from gist_mcp.github.models import Comment, Gist, GistFile, GistPage, Page
from gist_mcp.principal import GitHubUserId

ME = GitHubUserId(583231)
OTHER = GitHubUserId(480938)
MOMENT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
REVISION = "57a7f021a713b1c5a6a199b54cc514735d2d462f"


def file(filename: str = "a.txt", content: str | None = "hello", **fields: object) -> GistFile:
    """A file whose size is that of its content."""
    known: dict[str, object] = {
        "size_bytes": None if content is None else len(content.encode()),
        "language": "Text",
        "type": "text/plain",
        "raw_url": "https://gist.githubusercontent.com/octocat/1/raw/2/a.txt",
        "truncated": False,
        "encoding": "utf-8",
    }
    return GistFile(filename=filename, content=content, **{**known, **fields})  # type: ignore[arg-type]


def gist(*files: GistFile, **fields: object) -> Gist:
    """A gist of mine."""
    known: dict[str, object] = {
        "id": "aa5a315d61ae9438b18d",
        "html_url": "https://gist.github.com/octocat/aa5a315d61ae9438b18d",
        "description": "notes",
        "public": False,
        "files": files or (file(),),
        "owner_id": ME,
        "owner_login": "octocat",
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "truncated": False,
        "comments": 0,
        "revision": REVISION,
    }
    return Gist(**{**known, **fields})  # type: ignore[arg-type]


def gist_page(*gists: Gist, **fields: object) -> GistPage:
    """A page of a list, the last one."""
    known: dict[str, object] = {
        "unreadable": (),
        "scopes": frozenset({"gist"}),
        "next_url": None,
        "answered_at": MOMENT,
    }
    return GistPage(gists=gists, **{**known, **fields})  # type: ignore[arg-type]


def comment(number: int = 1, body: str | None = "nice", **fields: object) -> Comment:
    """A comment of mine."""
    known: dict[str, object] = {
        "user_id": ME,
        "login": "octocat",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }
    return Comment(id=number, body=body, **{**known, **fields})  # type: ignore[arg-type]


def page_of[T](*items: T, unreadable: int = 0, next_url: str | None = None) -> Page[T]:
    """A page of a list."""
    return Page(items=items, unreadable=unreadable, next_url=next_url, answered_at=MOMENT)
