"""From a bearer token to the person behind it, on every request.

Two kinds of tokens come here: our own sealed access tokens, which carry a GitHub token, and
GitHub tokens themselves. Either way GitHub decides whether the GitHub token is alive. A yes is
remembered for `TOKEN_REVALIDATE_SECONDS` under a digest, in memory; concurrent requests with
one token share one question. Strangers cannot make us ask without end: a no is remembered too,
for a moment, and asking about tokens never seen before is limited.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from gist_mcp.auth.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.auth.sealing import Sealer
from gist_mcp.config import Config
from gist_mcp.errors import GistMcpError, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import DIRECT_CLIENT_ID, Principal

MAX_REMEMBERED = 10_000
"""Validated tokens that one process remembers; the longest unused is asked about again."""

_GITHUB_TOKEN = re.compile(r"(gh[a-z]_|github_pat_)[A-Za-z0-9_]{20,255}\Z")
"""GitHub's formats with a prefix (GitHub Docs, token formats). What cannot be a token is
refused without asking GitHub."""


REFUSED_SECONDS: Final = 10.0
"""For so long a token that GitHub did not know is refused without asking. Short, because GitHub
may need a moment to know a token that it has just made."""


class TooManyGuesses(GistMcpError):
    """Too many tokens that GitHub does not know came in; this one was not asked about."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many unknown access tokens were tried. "
            f"Try again in {retry_after_seconds} seconds."
        )
        self.retry_after_seconds = retry_after_seconds


class GuessBudget(Protocol):
    """What limits questions about tokens that may be made up."""

    def take(self, address: str) -> None:
        """Raises `TooManyGuesses` when the address, or all together, have used it up."""

    def give_back(self, address: str) -> None:
        """The token was good."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who presented a bearer token, and what they may use at GitHub."""

    principal: Principal
    credential: GitHubCredential


@dataclass(frozen=True, kw_only=True)
class _Remembered:
    credential: GitHubCredential
    validated_at_seconds: float


class BearerVerifier:
    """Answers who a bearer token stands for. One per server process."""

    def __init__(
        self,
        *,
        config: Config,
        sealer: Sealer,
        github: GitHubClient,
        clock: Callable[[], float],
        guesses: GuessBudget | None = None,
    ) -> None:
        self._config = config
        self._sealer = sealer
        self._github = github
        self._clock = clock
        self._guesses = guesses
        self._refused: OrderedDict[str, float] = OrderedDict()
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._doubted_until_seconds: OrderedDict[str, float] = OrderedDict()
        self._flights: dict[str, asyncio.Task[GitHubCredential]] = {}

    async def verify(self, bearer: str, *, address: str = "") -> Caller:
        """The caller behind a bearer token, who comes from `address` if that is known.

        Raises `SignInRequired` if the token is malformed, unknown, expired, revoked or meant
        for another server, `GitHubUnavailable` or `RateLimited` if GitHub could not be asked,
        `TooManyGuesses` if it was not asked because strangers try too many tokens.
        """
        client_id = DIRECT_CLIENT_ID
        guesses = None
        if bearer.startswith(ACCESS_TOKEN_PREFIX):
            opened = open_access_token(
                self._sealer, bearer, resource=self._config.resource, now=int(self._clock())
            )
            token, client_id = opened.github_token, opened.client_id
        else:
            token = self._direct_token(bearer)
            guesses = self._guesses
        # A sealed token is no guess: we made it.
        credential = await self._validate(token, guesses, address)
        return Caller(
            principal=Principal(
                issuer=self._config.github_web_url,
                user_id=credential.user_id,
                login=credential.login,
                client_id=client_id,
            ),
            credential=credential,
        )

    async def confirm(self, credential: GitHubCredential) -> GitHubCredential:
        """A credential that another server process has verified, as it is now.

        That process may not know yet what GitHub has told this one: that the token is dead, or
        has lost scopes. Raises what `verify` raises.
        """
        doubted_until_seconds = self._doubted_until_seconds.get(credential.token.digest(), 0.0)
        if self._clock() >= doubted_until_seconds:
            return credential
        return await self._validate(credential.token, None, "")

    def forget(self, token: GitHubToken) -> None:
        """Ask GitHub again next time: it has just refused this token, or something to it."""
        digest = token.digest()
        self._remembered.pop(digest, None)
        # Until every other process has asked again too.
        self._doubted_until_seconds[digest] = self._clock() + self._config.token_revalidate_seconds
        self._doubted_until_seconds.move_to_end(digest)
        if len(self._doubted_until_seconds) > MAX_REMEMBERED:
            self._doubted_until_seconds.popitem(last=False)

    def _direct_token(self, bearer: str) -> GitHubToken:
        if self._config.github_tokens == "none":
            raise SignInRequired("This server does not take GitHub tokens; sign in through it.")
        if not _GITHUB_TOKEN.match(bearer):
            raise SignInRequired("This is not an access token of this server or of GitHub.")
        return GitHubToken(bearer)

    async def _validate(
        self, token: GitHubToken, guesses: GuessBudget | None, address: str
    ) -> GitHubCredential:
        digest = token.digest()
        known = self._remembered.get(digest)
        lifetime_seconds = self._config.token_revalidate_seconds
        if known and self._clock() < known.validated_at_seconds + lifetime_seconds:
            self._remembered.move_to_end(digest)
            return known.credential
        if self._was_just_refused(digest):
            raise SignInRequired("GitHub does not know this token; it may have been revoked.")
        flight = self._flights.get(digest)
        if flight is None:
            # A token that was good before may be asked about however many guess.
            if known or guesses is None:
                asking = self._ask(token)
            else:
                guesses.take(address)
                asking = self._ask_about_a_guess(token, guesses, address)
            flight = asyncio.create_task(asking, name="validate a GitHub token")
            self._flights[digest] = flight
            flight.add_done_callback(lambda _: self._flights.pop(digest, None))
        # Shielded: one impatient client must not end the question for the others.
        return await asyncio.shield(flight)

    def _was_just_refused(self, digest: str) -> bool:
        refused_at_seconds = self._refused.get(digest)
        if refused_at_seconds is None:
            return False
        return self._clock() < refused_at_seconds + REFUSED_SECONDS

    async def _ask_about_a_guess(
        self, token: GitHubToken, guesses: GuessBudget, address: str
    ) -> GitHubCredential:
        """Only a no uses up the budget: an outage of GitHub is nobody's guess."""
        try:
            credential = await self._ask(token)
        except SignInRequired:
            raise
        except BaseException:
            guesses.give_back(address)
            raise
        guesses.give_back(address)
        return credential

    async def _ask(self, token: GitHubToken) -> GitHubCredential:
        asked_at_seconds = self._clock()
        try:
            credential = await self._ask_github(token)
        except SignInRequired:
            self.forget(token)
            self._refused[token.digest()] = self._clock()
            self._refused.move_to_end(token.digest())
            if len(self._refused) > MAX_REMEMBERED:
                self._refused.popitem(last=False)
            raise
        self._remembered[token.digest()] = _Remembered(
            credential=credential, validated_at_seconds=asked_at_seconds
        )
        self._remembered.move_to_end(token.digest())
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return credential

    async def _ask_github(self, token: GitHubToken) -> GitHubCredential:
        if self._config.github_tokens == "any":
            answer = await self._github.get_user(token)
            return GitHubCredential(
                token=token,
                user_id=answer.user.id,
                login=answer.user.login,
                scopes=answer.scopes,
            )
        # Asking about a token as the app does not count as a failed login (GitHub Docs,
        # OAuth application token endpoints), and answers only for tokens of this app.
        check = await self._github.check_token(
            token, self._config.github_client_id, self._config.github_client_secret
        )
        if check is None:
            raise SignInRequired("GitHub does not know this token; it may have been revoked.")
        return GitHubCredential(
            token=token,
            user_id=check.user_id,
            login=check.login,
            scopes=check.scopes,
            expires_at_seconds=check.expires_at_seconds,
        )
