"""Verifies the bearer token of each request: which person it stands for, and that it is alive.

There are two kinds of tokens: our own sealed access tokens, which contain a GitHub token, and
GitHub tokens themselves. For both GitHub decides whether the GitHub token is alive. A positive
answer is remembered in memory for `TOKEN_REVALIDATE_SECONDS`. Requests with the same token at the
same time share one question to GitHub.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache, TTLCache

from gist_mcp.config import Config
from gist_mcp.errors import AccountRefused, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import DIRECT_CLIENT_ID, Principal
from gist_mcp.servicers.guess_budget import TOKEN_COST
from gist_mcp.tokens.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.tokens.direct_token import direct_token
from gist_mcp.tokens.github_check import GitHubTokenCheck, Validated, of_the_same_account
from gist_mcp.tokens.guess_budget import GuessBudget
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.refused_tokens import RefusedTokens
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.token_checksum import is_plausible_token

MAX_REMEMBERED: Final = 10_000
"""Tokens that one process remembers in each of its caches. The longest unused is forgotten first,
so that a flood of made-up tokens cannot fill the memory."""


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """Who brings a token that may be made up: from `address` if that is known. `account` is one
    that vouches for them (`grants.account_id`)."""

    address: str
    account: str | None


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
        clock: Callable[[], float],
        guesses: GuessBudget | None = None,
        known_tokens: KnownTokens | None = None,
    ) -> None:
        """Without `guesses` and `known_tokens` GitHub is asked about every token."""
        self._config = config
        self._sealer = sealer
        self._check = GitHubTokenCheck(config, github)
        self._clock = clock
        self._guesses = guesses
        self._known_tokens = known_tokens
        # Keys are digests, so that no refused or expired token stays in memory.
        self._refused = RefusedTokens(MAX_REMEMBERED, clock)
        # Not a TTLCache: what is too old to be believed still says that the token was good once.
        self._remembered: LRUCache[str, _Remembered] = LRUCache(MAX_REMEMBERED)
        # For as long as another process may still believe an earlier yes.
        self._doubted: TTLCache[str, bool] = TTLCache(
            MAX_REMEMBERED, config.token_revalidate_seconds, timer=clock
        )
        self._in_progress: dict[str, asyncio.Task[GitHubCredential]] = {}

    async def verify(self, bearer: str, *, address: str = "", account: str | None = None) -> Caller:
        """The caller behind a bearer token, who comes from `address` if that is known.

        `account` is one whose living session the caller names (`grants.account_id`): the questions
        about an unknown token are then counted for that account.

        Raises `SignInRequired` if the token is malformed, unknown, expired, revoked or meant
        for another server, `GitHubUnavailable` or `RateLimited` if GitHub could not be asked,
        `TooManyGuesses` if it was not asked because strangers try too many tokens,
        `StateUnavailable` if it was not asked because nobody could count it.
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
            # Anybody can make up such a token, so asking GitHub about it is limited.
            credential = await self._validate(
                direct_token(bearer, self._config),
                stranger=Stranger(address=address, account=account),
            )
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
        stranger: Stranger | None = None,
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
        refusal = self._refused.reason(digest)
        if refusal is not None:
            raise SignInRequired(refusal)
        # A token that was good before may be asked about however many guess.
        unknown = None if known or proven else stranger
        return of_the_same_account(await self._answer(token, proven, unknown), proven)

    async def _answer(
        self,
        token: GitHubToken,
        proven: GitHubCredential | None,
        stranger: Stranger | None = None,
    ) -> GitHubCredential:
        """What GitHub says now, to whoever is asking already or to a new question."""
        digest = token.digest()
        flight = self._in_progress.get(digest)
        if flight is None:
            # One question for all requests that come with a token at the same time, or a client
            # that sends many at once would use up its user's budget at GitHub.
            if stranger is None:
                asking = self._ask(token, proven)
            else:
                asking = self._ask_for_a_stranger(token, stranger)
            flight = asyncio.create_task(asking, name="validate a GitHub token")
            self._in_progress[digest] = flight
            flight.add_done_callback(lambda _: self._in_progress.pop(digest, None))
        # Shielded: one impatient client must not end the question for the others.
        return await asyncio.shield(flight)

    async def _ask_for_a_stranger(self, token: GitHubToken, stranger: Stranger) -> GitHubCredential:
        """Asks about a token that comes without our seal, and that this process has not met."""
        if self._known_tokens is None:
            return await self._ask_about_a_guess(token, stranger)
        # The app asks once about a token, and never about one that it has given away itself.
        known = await self._known_tokens.look_up(token)
        if known is None:
            credential = await self._ask_about_a_guess(token, stranger)
            await self._known_tokens.remember(credential)
            return credential
        try:
            return of_the_same_account(await self._ask(token, known), known)
        except AccountRefused:
            raise
        except SignInRequired:
            await self._known_tokens.forget(token)
            raise

    async def _ask_about_a_guess(self, token: GitHubToken, stranger: Stranger) -> GitHubCredential:
        """Only a no uses up the budget: an outage of GitHub is nobody's guess."""
        if self._guesses is None:
            return await self._ask(token, None)
        if stranger.account is not None:
            taken = await self._guesses.take_as(stranger.account, cost=TOKEN_COST)
        else:
            taken = await self._guesses.take(
                cost=TOKEN_COST,
                is_plausible=is_plausible_token(token.reveal()),
                address=stranger.address,
            )
        try:
            credential = await self._ask(token, None)
        except SignInRequired:
            raise
        except BaseException:
            await taken.give_back()
            raise
        await taken.give_back()
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
            self._refused.add(digest, str(error), may_heal=isinstance(error, AccountRefused))
            raise
        # The time of the question, not of the answer: a revocation in between counts as later.
        self._remembered[digest] = _Remembered(validated=validated, at_seconds=asked_at_seconds)
        return validated.credential
