"""GitHub's calls about accounts and tokens: who somebody is, and what the OAuth App may ask.

What they raise is in `client`.
"""

from typing import overload
from urllib.parse import quote

from pydantic import SecretStr

from gist_mcp.errors import (
    AccountRefused,
    Conflict,
    GitHubRefusesServer,
    NotFound,
    PermissionRequired,
)
from gist_mcp.github import responses
from gist_mcp.github.answer import Asker, Call
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import FoundAccount, SameUser, TokenCheck, UserAnswer
from gist_mcp.github.rest import RestApi, as_app, as_user, json_body

_WHO = Call(success=frozenset({200}))
_STILL_WHO = Call(success=frozenset({200, 304}))
_FIND = Call(success=frozenset({200, 404}), asker=Asker.APP)
_CHECK = Call(success=frozenset({200, 404}), asker=Asker.APP)
# A token or grant that GitHub does not know (any more) is as revoked as it can be.
_REVOKE = Call(success=frozenset({204, 404, 422}), asker=Asker.APP, writes=True)


class AccountCalls:
    """Users, and the tokens of this OAuth App."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

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
            answer = await self._api.send(
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
        if isinstance(answer, UserAnswer):
            self._api.is_of(token, answer.user.id)
        return answer

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
