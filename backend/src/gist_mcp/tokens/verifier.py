"""Verifies the bearer token of each request: which person it stands for, and that it is alive.

There are two kinds of tokens: our own sealed access tokens, which contain a GitHub token, and
GitHub tokens themselves. For both GitHub decides whether the GitHub token is alive. A positive
answer is remembered in memory for `TOKEN_REVALIDATE_SECONDS`. Requests with the same token at the
same time share one question to GitHub.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from cachetools import LRUCache, TTLCache

from gist_mcp.config import Config
from gist_mcp.errors import GistMcpError, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import DIRECT_CLIENT_ID, Principal
from gist_mcp.tokens.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.tokens.allowed_accounts import AllowedAccounts
from gist_mcp.tokens.direct_token import direct_token
from gist_mcp.tokens.github_check import GitHubTokenCheck, Validated, of_the_same_account
from gist_mcp.tokens.sealing import Sealer

MAX_REMEMBERED: Final = 10_000
"""Tokens that one process remembers in each of its caches. The longest unused is forgotten first,
so that a flood of made-up tokens cannot fill the memory."""

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
    validated: Validated
    at_seconds: float


class BearerVerifier:
    """Answers who a bearer token stands for. One per server process."""

    def __init__(
        self,
        *,
        config: Config,
        sealer: Sealer,
        github: GitHubClient,
        allowed: AllowedAccounts,
        clock: Callable[[], float],
        guesses: GuessBudget | None = None,
    ) -> None:
        self._config = config
        self._sealer = sealer
        self._check = GitHubTokenCheck(config, github)
        self._allowed = allowed
        self._clock = clock
        self._guesses = guesses
        # Keys are digests, so that no refused or expired token stays in memory.
        self._refused: TTLCache[str, str] = TTLCache(MAX_REMEMBERED, REFUSED_SECONDS, timer=clock)
        # Not a TTLCache: what is too old to be believed still says that the token was good once.
        self._remembered: LRUCache[str, _Remembered] = LRUCache(MAX_REMEMBERED)
        # For as long as another process may still believe an earlier yes.
        self._doubted: TTLCache[str, bool] = TTLCache(
            MAX_REMEMBERED, config.token_revalidate_seconds, timer=clock
        )
        self._in_progress: dict[str, asyncio.Task[GitHubCredential]] = {}

    async def verify(self, bearer: str, *, address: str = "") -> Caller:
        """The caller behind a bearer token, who comes from `address` if that is known.

        Raises `SignInRequired` if the token is malformed, unknown, expired, revoked or meant
        for another server, of which `AccountNotAllowed` is raised if its account may not use this
        one, `GitHubUnavailable` or `RateLimited` if GitHub could not be asked,
        `TooManyGuesses` if it was not asked because strangers try too many tokens.
        """
        client_id = DIRECT_CLIENT_ID
        if bearer.startswith(ACCESS_TOKEN_PREFIX):
            # Token passthrough and confused deputy (MCP, authorization; RFC 8707, 2): a token that
            # was issued for another resource does not open here.
            opened = open_access_token(
                self._sealer, bearer, resource=self._config.resource, now=int(self._clock())
            )
            client_id = opened.client_id
            sealed = GitHubCredential(
                token=opened.github_token,
                user_id=opened.user_id,
                login=opened.login,
                scopes=opened.scopes,
            )
            # GitHub has just been asked about it, when it was sealed: no process need ask again.
            self._remember(Validated(credential=sealed), at_seconds=opened.issued_at)
            credential = await self._validate(sealed.token, proven=sealed)
        else:
            # Anybody can make up such a token, so asking GitHub about it is limited by address.
            credential = await self._validate(
                direct_token(bearer, self._config), guesses=self._guesses, address=address
            )
        # At every request: who is taken out of `ALLOWED_USERS` has tokens and sessions.
        await self._allowed.check(credential.user_id)
        return Caller(
            # The issuer is part of who somebody is: on another GitHub (an Enterprise Server) the
            # same number is another person.
            principal=Principal(
                issuer=self._config.github_web_url,
                user_id=credential.user_id,
                login=credential.login,
                client_id=client_id,
            ),
            credential=credential,
        )

    def _remember(self, validated: Validated, *, at_seconds: float) -> None:
        """Remembers GitHub's yes of that time, unless something later is known of the token."""
        digest = validated.credential.token.digest()
        if digest not in self._remembered and digest not in self._doubted:
            self._remembered[digest] = _Remembered(validated=validated, at_seconds=at_seconds)

    async def confirm(self, credential: GitHubCredential) -> GitHubCredential:
        """A credential that another server process has verified, as it is now.

        That process may not know yet what GitHub has told this one: that the token is dead, or
        has lost scopes. Raises what `verify` raises.
        """
        # Only a doubt makes it ask. Else each call would cost two questions, one in each process.
        if credential.token.digest() not in self._doubted:
            return credential
        return await self._validate(credential.token, proven=credential)

    async def ask_again(self, credential: GitHubCredential) -> GitHubCredential:
        """A credential that this server has sealed, as GitHub has it now, whatever is remembered.

        Raises what `verify` raises.
        """
        known = await self._answer(credential.token, credential)
        return of_the_same_account(known, credential)

    def forget(self, token: GitHubToken) -> None:
        """Ask GitHub again next time: it has just refused this token, or something to it."""
        digest = token.digest()
        self._remembered.pop(digest, None)
        self._doubted[digest] = True

    async def _validate(
        self,
        token: GitHubToken,
        *,
        proven: GitHubCredential | None = None,
        guesses: GuessBudget | None = None,
        address: str = "",
    ) -> GitHubCredential:
        """The token with what GitHub says of it. `proven` is what we know for certain of a token
        that GitHub gave to this app: then it is no guess.
        """
        digest = token.digest()
        known = self._remembered.get(digest)
        # Within this time a token that was revoked at GitHub itself still passes here. A call to
        # GitHub with it fails, and `forget` then ends the time early.
        lifetime_seconds = self._config.token_revalidate_seconds
        if known and self._clock() < known.at_seconds + lifetime_seconds:
            return of_the_same_account(known.validated.credential, proven)
        # A client that repeats a dead token costs GitHub one question, not one for each request.
        refusal = self._refused.get(digest)
        if refusal is not None:
            raise SignInRequired(refusal)
        # A token that was good before may be asked about however many guess.
        budget = None if known or proven else guesses
        return of_the_same_account(await self._answer(token, proven, budget, address), proven)

    async def _answer(
        self,
        token: GitHubToken,
        proven: GitHubCredential | None,
        guesses: GuessBudget | None = None,
        address: str = "",
    ) -> GitHubCredential:
        """What GitHub says now, to whoever is asking already or to a new question."""
        digest = token.digest()
        flight = self._in_progress.get(digest)
        if flight is None:
            # One question for all requests that come with a token at the same time, or a client
            # that sends many at once would use up its user's budget at GitHub.
            if guesses is None:
                asking = self._ask(token, proven)
            else:
                guesses.take(address)
                asking = self._ask_about_a_guess(token, guesses, address)
            flight = asyncio.create_task(asking, name="validate a GitHub token")
            self._in_progress[digest] = flight
            flight.add_done_callback(lambda _: self._in_progress.pop(digest, None))
        # Shielded: one impatient client must not end the question for the others.
        return await asyncio.shield(flight)

    async def _ask_about_a_guess(
        self, token: GitHubToken, guesses: GuessBudget, address: str
    ) -> GitHubCredential:
        """Only a no uses up the budget: an outage of GitHub is nobody's guess."""
        try:
            credential = await self._ask(token, None)
        except SignInRequired:
            raise
        except BaseException:
            guesses.give_back(address)
            raise
        guesses.give_back(address)
        return credential

    async def _ask(self, token: GitHubToken, proven: GitHubCredential | None) -> GitHubCredential:
        digest = token.digest()
        asked_at_seconds = self._clock()
        known = self._remembered.get(digest)
        before = known.validated if known else None
        if before is None and proven is not None:
            before = Validated(credential=proven)
        try:
            validated = await self._check.ask(token, before)
        except SignInRequired as error:
            # Fail closed: a revoked token is not let in by an earlier positive answer.
            self.forget(token)
            self._refused[digest] = str(error)
            raise
        # The time of the question, not of the answer: a revocation in between counts as later.
        self._remembered[digest] = _Remembered(validated=validated, at_seconds=asked_at_seconds)
        return validated.credential
