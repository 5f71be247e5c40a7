"""GitHub's REST API: one method per call that we use.

Reads raise `SignInRequired`, `ScopeRequired`, `NotFound`, `Conflict`, `InvalidArgument`,
`RateLimited` or `GitHubUnavailable`, and are retried for a few seconds on the last.

Writes are sent once and have three outcomes, which no caller can mix up:

- they return: the change was made;
- they raise one of `NOTHING_CHANGED`: it was not made;
- they raise `OutcomeUnknown`, or are cancelled: it may have been made.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import overload
from urllib.parse import quote, urlencode

import httpx
from pydantic import SecretStr

from gist_mcp.constants import GITHUB_CALL_TIMEOUT_SECONDS
from gist_mcp.errors import (
    AccountRefused,
    Conflict,
    GistMcpError,
    GitHubRefusesServer,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    PermissionRequired,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github import responses
from gist_mcp.github.answer import Asker, Call
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import (
    FileChange,
    FoundAccount,
    Gist,
    GistPage,
    SameUser,
    TokenCheck,
    UserAnswer,
)
from gist_mcp.github.refusals import unavailable
from gist_mcp.github.rest import NOBODY, RestApi, as_app, as_user, json_body
from gist_mcp.github.wire import GIST_ID

NOTHING_CHANGED: tuple[type[GistMcpError], ...] = (
    SignInRequired,
    ScopeRequired,
    RateLimited,
    InvalidArgument,
    NotFound,
    Conflict,
    GitHubUnavailable,
)
"""What a write raises when it was certainly not made. `OutcomeUnknown` is none of these."""

USER_AGENT = "github-gist-mcp"
"""GitHub: mandatory, the name of the application."""

MAX_PER_PAGE = 100
_GIST_ARGUMENTS = ("files", "description", "public")

_WHO = Call(success=frozenset({200}))
_STILL_WHO = Call(success=frozenset({200, 304}))
_FIND = Call(success=frozenset({200, 404}), asker=Asker.APP)
_READ = Call(success=frozenset({200}), names_gist=True)
_READ_STAR = Call(success=frozenset({204, 404}), names_gist=True)
_READ_RAW = Call(success=frozenset({200}), asker=Asker.NOBODY)
_LIST = Call(success=frozenset({200}), arguments=("since",))
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
_CHECK = Call(success=frozenset({200, 404}), asker=Asker.APP)
# A token or grant that GitHub does not know (any more) is as revoked as it can be.
_REVOKE = Call(success=frozenset({204, 404, 422}), asker=Asker.APP, writes=True)


class GitHubClient:
    """One GitHub host's REST API, for all users. Holds no token."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str,
        *,
        user_agent: str = USER_AGENT,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout_seconds: float = GITHUB_CALL_TIMEOUT_SECONDS,
    ) -> None:
        self._api = RestApi(
            http,
            api_url,
            user_agent=user_agent,
            clock=clock,
            sleep=sleep,
            timeout_seconds=timeout_seconds,
        )

    @overload
    async def get_user(self, token: GitHubToken) -> UserAnswer: ...

    @overload
    async def get_user(self, token: GitHubToken, *, etag: str | None) -> UserAnswer | SameUser: ...

    async def get_user(
        self, token: GitHubToken, *, etag: str | None = None
    ) -> UserAnswer | SameUser:
        """Whose token this is. With the `etag` of an earlier answer for the same token,
        `SameUser` means that nothing has changed (which costs nothing of the user's limit).

        Raises `SignInRequired` for every token that cannot do this, of which `AccountRefused` are
        those that GitHub knows, `RateLimited` and `GitHubUnavailable`, nothing else.
        """
        call = _WHO if etag is None else _STILL_WHO
        headers = {} if etag is None else {"If-None-Match": etag}
        try:
            return await self._api.send(
                call,
                responses.read_user_unless_same,
                "GET",
                self._api.url("/user"),
                as_user(token),
                headers=headers,
            )
        except PermissionRequired:
            raise AccountRefused(
                "GitHub does not say whose token this is: it may belong to an app instead of a "
                "person. Sign in."
            ) from None
        except Conflict as refused:
            # For example a suspended account, or a token that an organisation has blocked.
            raise AccountRefused(str(refused)) from None
        except NotFound:
            raise GitHubRefusesServer("GET /user is unknown there: GITHUB_API_URL.") from None

    async def find_account(
        self, login: str, client_id: str, client_secret: SecretStr
    ) -> FoundAccount | None:
        """The account that has a login now; `None` if GitHub shows the app none.

        GitHub shows no managed user to an OAuth App. Raises `RateLimited` and `GitHubUnavailable`.
        """
        # As the app: without credentials GitHub allows 60 such requests an hour.
        return await self._api.send(
            _FIND,
            responses.read_account,
            "GET",
            self._api.url(f"/users/{quote(login, safe='')}"),
            as_app(client_id, client_secret),
        )

    async def check_token(
        self, token: GitHubToken, client_id: str, client_secret: SecretStr
    ) -> TokenCheck | None:
        """What GitHub knows about a token of this OAuth App; `None` if it is no such token
        (unknown, expired, revoked, or another app's).

        Raises `RateLimited`, and `GitHubUnavailable`, also if GitHub refuses the app itself:
        a wrong client secret says nothing about the token.
        """
        check = await self._api.send(
            _CHECK,
            responses.read_token_check,
            "POST",
            self._application_url(client_id, "token"),
            as_app(client_id, client_secret, token.reveal()),
            body=json_body({"access_token": token.reveal()}, "access_token"),
        )
        return check if check is not None and check.client_id == client_id else None

    async def delete_token(
        self, token: GitHubToken, client_id: str, client_secret: SecretStr
    ) -> None:
        """Revokes one token of this OAuth App. One that GitHub does not know is fine."""
        await self._revoke("token", token, client_id, client_secret)

    async def delete_grant(
        self, token: GitHubToken, client_id: str, client_secret: SecretStr
    ) -> None:
        """Revokes the OAuth App for the token's user: all tokens die, the app must ask anew."""
        await self._revoke("grant", token, client_id, client_secret)

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
        self, token: GitHubToken, *, since: datetime | None = None, per_page: int = MAX_PER_PAGE
    ) -> GistPage:
        """The first page of the user's own gists, newest first; `since` (aware) leaves out
        those last changed before it.
        """
        return await self._list("/gists", token, since, per_page)

    async def list_starred(
        self, token: GitHubToken, *, since: datetime | None = None, per_page: int = MAX_PER_PAGE
    ) -> GistPage:
        """The first page of the gists that the user has starred."""
        return await self._list("/gists/starred", token, since, per_page)

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

    async def get_raw(self, raw_url: str) -> bytes:
        """The whole content of a file that an answer truncated (GitHub: up to 10 MB).

        `raw_url` lies on another host than the API, so no token is sent. Raises `NotFound`.
        """
        if not self._api.is_public(raw_url):
            raise NotFound("GitHub gives no usable address for the content of this file.")
        return await self._api.send(_READ_RAW, responses.read_body, "GET", raw_url, NOBODY)

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

    async def _list(
        self, path: str, token: GitHubToken, since: datetime | None, per_page: int
    ) -> GistPage:
        query = {"per_page": str(min(max(per_page, 1), MAX_PER_PAGE))}
        if since is not None:
            query["since"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return await self._page(self._api.url(f"{path}?{urlencode(query)}"), token)

    async def _page(self, url: str, token: GitHubToken) -> GistPage:
        return await self._api.send(_LIST, responses.read_gist_page, "GET", url, as_user(token))

    async def _change(self, method: str, url: str, token: GitHubToken) -> None:
        await self._api.send(_CHANGE, responses.read_nothing, method, url, as_user(token))

    async def _revoke(
        self, what: str, token: GitHubToken, client_id: str, client_secret: SecretStr
    ) -> None:
        await self._api.send(
            _REVOKE,
            responses.read_nothing,
            "DELETE",
            self._application_url(client_id, what),
            as_app(client_id, client_secret, token.reveal()),
            body=json_body({"access_token": token.reveal()}, "access_token"),
        )

    def _application_url(self, client_id: str, what: str) -> str:
        return self._api.url(f"/applications/{quote(client_id, safe='')}/{what}")

    def _gist_url(self, gist_id: str, rest: str = "") -> str:
        """Ids come from callers: a slash or a dot could address another resource."""
        if not GIST_ID.fullmatch(gist_id):
            raise InvalidArgument("gist_id", "must be the id of a gist: the end of its URL.")
        return self._api.url(f"/gists/{gist_id}{rest}")


def _file_change(change: FileChange | None) -> dict[str, str] | None:
    if change is None:
        return None
    named = {"content": change.content, "filename": change.new_filename}
    return {name: value for name, value in named.items() if value is not None}
