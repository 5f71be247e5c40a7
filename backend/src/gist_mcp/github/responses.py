"""Pure: from an answer of GitHub to a model, or to the error that it stands for.

Whatever GitHub sends, broken or hostile, the result is a model or a `GistMcpError`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC

from gist_mcp.errors import ScopeRequired
from gist_mcp.github.answer import REDIRECTS, Answer, Call
from gist_mcp.github.models import (
    Comment,
    FoundAccount,
    Gist,
    GistFile,
    GistPage,
    NotModified,
    Page,
    Revision,
    SameUser,
    TokenCheck,
    UnreadableGist,
    User,
    UserAnswer,
)
from gist_mcp.github.refusals import lost_answer, refusal
from gist_mcp.github.wire import (
    Unreadable,
    WireAuthorization,
    WireComment,
    WireFile,
    WireFoundAccount,
    WireGist,
    WireRevision,
    WireUser,
    parse,
    parse_gists,
    parse_readable,
)
from gist_mcp.principal import GitHubUserId

_ETAG = re.compile(r'(?:W/)?"[!#-~]*"\Z')
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL_NEXT = re.compile(r';\s*rel\s*=\s*"?next"?\s*(?:[;,]|\Z)', re.IGNORECASE)
_REL_LAST = re.compile(r';\s*rel\s*=\s*"?last"?\s*(?:[;,]|\Z)', re.IGNORECASE)
_PAGE = re.compile(r"[?&]page=([0-9]{1,6})(?:&|\Z)")


def interpret[T](
    call: Call,
    answer: Answer,
    read: Callable[[Answer], T],
    *,
    now: float,
    secrets: Iterable[str] = (),
) -> T:
    """What the answer means: the value that `read` finds in it, or an error.

    Raises what `refusals.refusal` gives for a status that `call` does not expect. An answer
    that cannot be read raises `GitHubUnavailable`, after a write `OutcomeUnknown`. `now` is
    Unix time in seconds; `secrets` never appear in a text.
    """
    if answer.status not in call.success:
        raise refusal(call, answer, now=now, secrets=secrets)
    try:
        return read(answer)
    except Unreadable as unreadable:
        raise lost_answer(call, f"{unreadable} in an answer {answer.status}") from None


def read_nothing(answer: Answer) -> None:
    """For calls whose status says everything."""


def read_raw(answer: Answer) -> bytes | None:
    """The content of a file, as it came; `None` for a redirect and for a page.

    Whatever the file, GitHub sends text/plain: a page is not the file, and to take one for it would
    be to write GitHub's sign-in page into a gist with the next edit.
    """
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return None if answer.status in REDIRECTS or media_type == "text/html" else answer.body


def read_user(answer: Answer) -> UserAnswer:
    """The answer of `GET /user`. Raises `Unreadable`."""
    wire = parse(WireUser, answer.body)
    return UserAnswer(
        user=User(
            id=GitHubUserId(wire.id),
            login=wire.login,
            name=wire.name,
            bio=wire.bio,
            public_gists=wire.public_gists,
            followers=wire.followers,
            html_url=wire.html_url,
            avatar_url=wire.avatar_url,
        ),
        scopes=answer.scopes,
        client_id=answer.headers.get("x-oauth-client-id") or None,
        etag=_etag(answer),
    )


def read_user_unless_same(answer: Answer) -> UserAnswer | SameUser:
    """The answer of a conditional `GET /user`; `SameUser` for 304. Raises `Unreadable`."""
    return SameUser(scopes=answer.scopes) if answer.status == 304 else read_user(answer)


def read_account(answer: Answer) -> FoundAccount | None:
    """The answer of `GET /users/LOGIN`; `None` for 404. Raises `Unreadable`."""
    if answer.status == 404:
        return None
    wire = parse(WireFoundAccount, answer.body)
    return FoundAccount(
        id=GitHubUserId(wire.id), login=wire.login, is_person=wire.type in (None, "User")
    )


def read_token_check(answer: Answer) -> TokenCheck | None:
    """The answer of the check-token call; `None` for 404. Raises `Unreadable`."""
    if answer.status == 404:
        return None
    wire = parse(WireAuthorization, answer.body)
    expires_at = wire.expires_at
    if expires_at is not None and expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)
    return TokenCheck(
        user_id=None if wire.user is None else GitHubUserId(wire.user.id),
        login=None if wire.user is None else wire.user.login,
        scopes=None if wire.scopes is None else frozenset(wire.scopes),
        client_id=wire.app.client_id,
        expires_at_seconds=None if expires_at is None else int(expires_at.timestamp()),
    )


def read_gist(answer: Answer) -> Gist:
    """A single gist. Raises `Unreadable`."""
    return replace(_gist(parse(WireGist, answer.body)), etag=_etag(answer))


def read_gist_page(answer: Answer) -> GistPage:
    """A page of a listing. Raises `Unreadable` for what is not a list; an entry that is no
    gist is counted.
    """
    gists, glimpses = parse_gists(answer.body)
    return GistPage(
        gists=tuple(map(_gist, gists)),
        unreadable=tuple(UnreadableGist(created_at=each.created_at) for each in glimpses),
        scopes=answer.scopes,
        next_url=_next_url(answer.headers.get("link", "")),
        answered_at=answer.date,
        etag=_etag(answer),
        last_page=_last_page(answer.headers.get("link", "")),
    )


def read_gist_unless_same(answer: Answer) -> Gist | NotModified:
    """The answer of a conditional request for a gist. Raises `Unreadable`."""
    return NotModified() if answer.status == 304 else read_gist(answer)


def read_gist_page_unless_same(answer: Answer) -> GistPage | NotModified:
    """The answer of a conditional request for a page. Raises `Unreadable`."""
    return NotModified() if answer.status == 304 else read_gist_page(answer)


def read_revision_page(answer: Answer) -> Page[Revision]:
    """A page of a gist's commits. Raises `Unreadable` for what is not a list."""
    wires, unreadable = parse_readable(WireRevision, answer.body)
    return _page(answer, tuple(map(_revision, wires)), unreadable)


def read_comment_page(answer: Answer) -> Page[Comment]:
    """A page of a gist's comments. Raises `Unreadable` for what is not a list."""
    wires, unreadable = parse_readable(WireComment, answer.body)
    return _page(answer, tuple(map(_comment, wires)), unreadable)


def read_comment(answer: Answer) -> Comment:
    """A single comment. Raises `Unreadable`."""
    return _comment(parse(WireComment, answer.body))


def read_is_starred(answer: Answer) -> bool:
    """204 is yes, 404 is no, unless the token was not allowed to ask: `ScopeRequired`."""
    if answer.status == 404 and answer.lacks_gist_scope:
        raise ScopeRequired({"gist"})
    return answer.status == 204


def _etag(answer: Answer) -> str | None:
    etag = answer.headers.get("etag", "")
    return etag if _ETAG.match(etag) else None


def _page[T](answer: Answer, items: tuple[T, ...], unreadable: int) -> Page[T]:
    return Page(
        items=items,
        unreadable=unreadable,
        next_url=_next_url(answer.headers.get("link", "")),
        answered_at=answer.date,
    )


def _revision(wire: WireRevision) -> Revision:
    return Revision(
        version=wire.version,
        committed_at=wire.committed_at,
        user_id=None if wire.user is None else GitHubUserId(wire.user.id),
        login=None if wire.user is None else wire.user.login,
        additions=None if wire.change_status is None else wire.change_status.additions,
        deletions=None if wire.change_status is None else wire.change_status.deletions,
    )


def _comment(wire: WireComment) -> Comment:
    return Comment(
        id=wire.id,
        body=wire.body,
        user_id=None if wire.user is None else GitHubUserId(wire.user.id),
        login=None if wire.user is None else wire.user.login,
        created_at=wire.created_at,
        updated_at=wire.updated_at,
    )


def _gist(wire: WireGist) -> Gist:
    newest, previous = [*(wire.history or []), None, None][:2]
    return Gist(
        id=wire.id,
        html_url=wire.html_url,
        description=wire.description,
        public=wire.public,
        files=tuple(_file(name, file or WireFile()) for name, file in wire.files.items()),
        owner_id=None if wire.owner is None else GitHubUserId(wire.owner.id),
        owner_login=None if wire.owner is None else wire.owner.login,
        created_at=wire.created_at,
        updated_at=wire.updated_at,
        truncated=wire.truncated or False,
        comments=wire.comments,
        revision=None if newest is None else newest.version,
        previous_revision=None if previous is None else previous.version,
        fork_of=None if wire.fork_of is None else wire.fork_of.id,
    )


def _file(name: str, wire: WireFile) -> GistFile:
    return GistFile(
        # GitHub's name for the entry is the file's own.
        filename=wire.filename or name,
        size_bytes=wire.size,
        language=wire.language,
        type=wire.type,
        raw_url=wire.raw_url,
        content=wire.content,
        truncated=wire.truncated or False,
        encoding=wire.encoding or "utf-8",
    )


def _next_url(link: str) -> str | None:
    """The target of `rel="next"` in a `Link` header (RFC 8288, 3)."""
    return _target(link, _REL_NEXT)


def _last_page(link: str) -> int | None:
    """The number in the target of `rel="last"`."""
    page = _PAGE.search(_target(link, _REL_LAST) or "")
    return int(page[1]) if page else None


def _target(link: str, relation: re.Pattern[str]) -> str | None:
    for target, parameters in _LINK.findall(link):
        if relation.search(parameters):
            return str(target)
    return None
