"""GitHub's calls about gists: reading, changing, starring, forking and commenting.

What they raise is in `client`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from gist_mcp.errors import InvalidArgument, NotFound
from gist_mcp.github import responses
from gist_mcp.github.answer import REDIRECTS, Asker, Call
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import (
    Comment,
    FileChange,
    Gist,
    GistPage,
    NotModified,
    Page,
    Revision,
)
from gist_mcp.github.refusals import unavailable
from gist_mcp.github.rest import NOBODY, RestApi, as_user, json_body
from gist_mcp.github.wire import GIST_ID, REVISION

MAX_PER_PAGE = 100
_GIST_ARGUMENTS = ("files", "description", "public")

_READ = Call(success=frozenset({200}), names_gist=True)
_READ_UNLESS_SAME = Call(success=frozenset({200, 304}), names_gist=True)
_READ_STAR = Call(success=frozenset({204, 404}), names_gist=True)
_READ_RAW = Call(success=frozenset({200}) | REDIRECTS, asker=Asker.NOBODY)
_LIST = Call(success=frozenset({200}), arguments=("since",))
_LIST_UNLESS_SAME = Call(success=frozenset({200, 304}))
_CREATE = Call(
    success=frozenset({201}), writes=True, needs_gist_scope=True, arguments=_GIST_ARGUMENTS
)
_UPDATE = Call(
    success=frozenset({200}),
    writes=True,
    needs_gist_scope=True,
    names_gist=True,
    arguments=_GIST_ARGUMENTS[:2],
)
_FORK = Call(success=frozenset({201}), writes=True, needs_gist_scope=True, names_gist=True)
_CHANGE = Call(success=frozenset({204}), writes=True, needs_gist_scope=True, names_gist=True)
_COMMENT = Call(
    success=frozenset({201}),
    writes=True,
    needs_gist_scope=True,
    names_gist=True,
    arguments=("body",),
)


class GistCalls:
    """Gists and their comments."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    async def create_gist(
        self, token: GitHubToken, *, description: str | None, public: bool, files: Mapping[str, str]
    ) -> Gist:
        """Creates a gist from file names and contents. A write; each call makes a new gist."""
        content = {name: {"content": text} for name, text in files.items()}
        fields: dict[str, object] = {"public": public, "files": content}
        if description is not None:
            # GitHub's description of the call does not allow null here.
            fields["description"] = description
        return await self._api.send(
            _CREATE,
            responses.read_gist,
            "POST",
            self._api.url("/gists"),
            as_user(token),
            body=json_body(fields, "files"),
        )

    async def list_gists(
        self,
        token: GitHubToken,
        *,
        since: datetime | None = None,
        per_page: int = MAX_PER_PAGE,
        page: int = 1,
    ) -> GistPage:
        """A page of the user's own gists, newest first; `since` (aware) leaves out those last
        changed before it.
        """
        return await self._page(self._list_url("/gists", since, per_page, page), token)

    async def list_gists_unless_same(
        self, token: GitHubToken, *, page: int, etag: str | None
    ) -> GistPage | NotModified:
        """A page of 100 of the user's own gists, unless it is as it was with this `etag`."""
        url = self._list_url("/gists", None, MAX_PER_PAGE, page)
        return await self._api.send(
            _LIST_UNLESS_SAME if etag else _LIST,
            responses.read_gist_page_unless_same,
            "GET",
            url,
            as_user(token),
            headers=_if_none_match(etag),
        )

    async def list_starred(
        self,
        token: GitHubToken,
        *,
        since: datetime | None = None,
        per_page: int = MAX_PER_PAGE,
        page: int = 1,
    ) -> GistPage:
        """A page of the gists that the user has starred."""
        return await self._page(self._list_url("/gists/starred", since, per_page, page), token)

    async def list_gists_of(
        self, token: GitHubToken, login: str, *, per_page: int = MAX_PER_PAGE, page: int = 1
    ) -> GistPage:
        """A page of the public gists of a user. `NotFound` if there is no such user."""
        path = f"/users/{quote(login, safe='')}/gists"
        return await self._page(self._list_url(path, None, per_page, page), token)

    async def list_forks(
        self, token: GitHubToken, gist_id: str, *, per_page: int = MAX_PER_PAGE, page: int = 1
    ) -> GistPage:
        """A page of the forks of a gist."""
        return await self._page(_paged(self._gist_url(gist_id, "/forks"), per_page, page), token)

    async def next_page(self, token: GitHubToken, next_url: str) -> GistPage:
        """The page that an earlier one announced.

        A URL outside the API's origin raises `GitHubUnavailable` and gets no request: the
        token would go there.
        """
        if not self._api.is_ours(next_url):
            raise unavailable("a next page on another origin")
        return await self._page(next_url, token)

    async def get_gist(self, token: GitHubToken, gist_id: str) -> Gist:
        """A gist with its contents; anybody's, if public or if its id is known."""
        url = self._gist_url(gist_id)
        return await self._api.send(_READ, responses.read_gist, "GET", url, as_user(token))

    async def get_gist_unless_same(
        self, token: GitHubToken, gist_id: str, *, etag: str | None
    ) -> Gist | NotModified:
        """The same, unless it is as it was when it came with this `etag`."""
        return await self._api.send(
            _READ_UNLESS_SAME if etag else _READ,
            responses.read_gist_unless_same,
            "GET",
            self._gist_url(gist_id),
            as_user(token),
            headers=_if_none_match(etag),
        )

    async def get_revision(self, token: GitHubToken, gist_id: str, version: str) -> Gist:
        """A gist as it was at a commit, whose SHA `version` is."""
        if not REVISION.fullmatch(version):
            raise InvalidArgument("revision", "must be a SHA of 40 hexadecimal digits.")
        url = self._gist_url(gist_id, f"/{version}")
        return await self._api.send(_READ, responses.read_gist, "GET", url, as_user(token))

    async def list_revisions(
        self, token: GitHubToken, gist_id: str, *, per_page: int = MAX_PER_PAGE, page: int = 1
    ) -> Page[Revision]:
        """A page of the commits of a gist, newest first."""
        url = _paged(self._gist_url(gist_id, "/commits"), per_page, page)
        read = responses.read_revision_page
        return await self._api.send(_READ, read, "GET", url, as_user(token))

    async def list_comments(
        self, token: GitHubToken, gist_id: str, *, per_page: int = MAX_PER_PAGE, page: int = 1
    ) -> Page[Comment]:
        """A page of the comments on a gist, oldest first."""
        url = _paged(self._gist_url(gist_id, "/comments"), per_page, page)
        read = responses.read_comment_page
        return await self._api.send(_READ, read, "GET", url, as_user(token))

    async def create_comment(self, token: GitHubToken, gist_id: str, body: str) -> Comment:
        """Comments on a gist. A write; each call makes a new comment."""
        return await self._api.send(
            _COMMENT,
            responses.read_comment,
            "POST",
            self._gist_url(gist_id, "/comments"),
            as_user(token),
            body=json_body({"body": body}, "body"),
        )

    async def get_raw(self, raw_url: str) -> bytes:
        """The whole content of a file that an answer truncated (GitHub: up to 10 MB).

        `raw_url` lies on another host than the API, so no token is sent. Raises `NotFound`, also
        where a browser would be sent off to sign in, as by an Enterprise Server in private mode.
        """
        if not self._api.is_public(raw_url):
            raise NotFound("GitHub gives no usable address for the content of this file.")
        content = await self._api.send(
            _READ_RAW, responses.read_raw, "GET", raw_url, NOBODY, follow_redirects=False
        )
        if content is None:
            raise NotFound("GitHub gives the content of this file to signed-in browsers only.")
        return content

    async def update_gist(
        self,
        token: GitHubToken,
        gist_id: str,
        *,
        description: str | None = None,
        files: Mapping[str, FileChange | None] | None = None,
    ) -> Gist:
        """Changes the description, unless `None`, and the named files; `None` deletes a file.
        A write.
        """
        fields: dict[str, object] = {}
        if description is not None:
            fields["description"] = description
        if files:
            fields["files"] = {name: _file_change(change) for name, change in files.items()}
        url, body = self._gist_url(gist_id), json_body(fields, "files")
        return await self._api.send(
            _UPDATE, responses.read_gist, "PATCH", url, as_user(token), body=body
        )

    async def delete_gist(self, token: GitHubToken, gist_id: str) -> None:
        """Deletes a gist of the user's. A write."""
        await self._change("DELETE", self._gist_url(gist_id), token)

    async def star(self, token: GitHubToken, gist_id: str) -> None:
        """Stars a gist; starring twice is fine. A write."""
        await self._change("PUT", self._gist_url(gist_id, "/star"), token)

    async def unstar(self, token: GitHubToken, gist_id: str) -> None:
        """Takes the star off a gist; there may be none. A write."""
        await self._change("DELETE", self._gist_url(gist_id, "/star"), token)

    async def is_starred(self, token: GitHubToken, gist_id: str) -> bool:
        """True if the user has starred the gist. GitHub says no for unknown gists too."""
        url = self._gist_url(gist_id, "/star")
        return await self._api.send(
            _READ_STAR, responses.read_is_starred, "GET", url, as_user(token)
        )

    async def fork_gist(self, token: GitHubToken, gist_id: str) -> Gist:
        """Forks somebody else's gist. A write. The answer may come without files."""
        url = self._gist_url(gist_id, "/forks")
        return await self._api.send(_FORK, responses.read_gist, "POST", url, as_user(token))

    def _list_url(self, path: str, since: datetime | None, per_page: int, page: int) -> str:
        url = _paged(self._api.url(path), per_page, page)
        if since is None:
            return url
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"{url}&{urlencode({'since': moment})}"

    async def _page(self, url: str, token: GitHubToken) -> GistPage:
        return await self._api.send(_LIST, responses.read_gist_page, "GET", url, as_user(token))

    async def _change(self, method: str, url: str, token: GitHubToken) -> None:
        await self._api.send(_CHANGE, responses.read_nothing, method, url, as_user(token))

    def _gist_url(self, gist_id: str, rest: str = "") -> str:
        """Ids come from callers: a slash or a dot could address another resource."""
        if not GIST_ID.fullmatch(gist_id):
            raise InvalidArgument("gist_id", "must be the id of a gist: the end of its URL.")
        return self._api.url(f"/gists/{gist_id}{rest}")


def _paged(url: str, per_page: int, page: int) -> str:
    query = {"per_page": str(min(max(per_page, 1), MAX_PER_PAGE))}
    if page > 1:
        query["page"] = str(page)
    return f"{url}?{urlencode(query)}"


def _if_none_match(etag: str | None) -> dict[str, str]:
    return {"If-None-Match": etag} if etag else {}


def _file_change(change: FileChange | None) -> dict[str, str] | None:
    if change is None:
        return None
    named = {"content": change.content, "filename": change.new_filename}
    return {name: value for name, value in named.items() if value is not None}
