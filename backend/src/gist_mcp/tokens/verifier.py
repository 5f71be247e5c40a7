"""Verifies the bearer token of each request: which person it stands for, and that it is alive.

There are two kinds of tokens: our own sealed access tokens, which contain a GitHub token, and
GitHub tokens themselves. Whose it is, any process can tell (`identify`). For both GitHub decides
whether the GitHub token is alive, and the process that owns the account asks (`validate`). A
positive answer is remembered in memory for `TOKEN_REVALIDATE_SECONDS`, and for longer while GitHub
answers nobody because a limit is reached. Requests with the same token at the same time share one
question to GitHub.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from cachetools import LRUCache, TTLCache

from gist_mcp.config import Config
from gist_mcp.errors import AccountRefused, RateLimited, SignInRequired
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import DIRECT_CLIENT_ID, GitHubUserId, Principal
from gist_mcp.servicers.guess_budget import TOKEN_COST
from gist_mcp.tokens.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.tokens.allowed_accounts import AllowedAccounts
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


LIMITED_YES_SECONDS: Final = 3600.0
"""While GitHub says that a limit is reached, a yes of it counts for so long. Its limits are over
within an hour. A no is a no at once: it takes the yes away."""


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
class Identified:
    """Whose token it is, as far as this server can tell alone. GitHub may have ended it since.

    `vouched_at_seconds`: Unix time of GitHub's last yes that is known. `is_fresh`: GitHub was asked
    for this very request.
    """

    principal: Principal
    credential: GitHubCredential
    vouched_at_seconds: float
    is_fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class _Remembered:
    """GitHub's yes. `limited_until_seconds`: GitHub has said not to ask before."""

    validated: Validated
    at_seconds: float
    limited_until_seconds: float = 0.0


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
        known_tokens: KnownTokens | None = None,
    ) -> None:
        """Without `guesses` and `known_tokens` GitHub is asked about every token."""
        self._config = config
        self._sealer = sealer
        self._check = GitHubTokenCheck(config, github)
        self._allowed = allowed
        self._clock = clock
        self._guesses = guesses
        self._known_tokens = known_tokens
        # Keys are digests, so that no refused or expired token stays in memory.
        self._refused = RefusedTokens(MAX_REMEMBERED, clock)
        # Not a TTLCache: what is too old to be believed still says that the token was good once.
        self._remembered: LRUCache[str, _Remembered] = LRUCache(MAX_REMEMBERED)
        # For as long as an earlier yes may count: another process's, or the one in a seal.
        self._doubted: TTLCache[str, bool] = TTLCache(
            MAX_REMEMBERED, LIMITED_YES_SECONDS, timer=clock
        )
        self._disbelieved: TTLCache[GitHubUserId, float] = TTLCache(
            MAX_REMEMBERED, LIMITED_YES_SECONDS, timer=clock
        )
        self._in_progress: dict[str, asyncio.Task[GitHubCredential]] = {}

    async def verify(self, bearer: str, *, address: str = "", account: str | None = None) -> Caller:
        """The caller behind a bearer token, who comes from `address` if that is known.

        Raises what `identify` and `validate` raise.
        """
        identified = await self.identify(bearer, address=address, account=account)
        return Caller(principal=identified.principal, credential=await self.validate(identified))

    async def identify(
        self, bearer: str, *, address: str = "", account: str | None = None
    ) -> Identified:
        """Whose token it is. Asks GitHub only about a token that this server knows nothing of.

        `account` is one whose living session the caller names (`grants.account_id`): the questions
        about an unknown token are then counted for that account.

        Raises `SignInRequired` if the token is malformed, unknown, expired or meant for another
        server, of which `AccountNotAllowed` is raised if its account may not use this one,
        `GitHubUnavailable` or `RateLimited` if GitHub could not be asked,
        `TooManyGuesses` if it was not asked because strangers try too many tokens,
        `StateUnavailable` if it was not asked because nobody could count it.
        """
        if bearer.startswith(ACCESS_TOKEN_PREFIX):
            # Token passthrough and confused deputy (MCP, authorization; RFC 8707, 2): a token that
            # was issued for another resource does not open here.
            opened = open_access_token(
                self._sealer, bearer, resource=self._config.resource, now=int(self._clock())
            )
            sealed = GitHubCredential(
                token=opened.github_token,
                user_id=opened.user_id,
                login=opened.login,
                scopes=opened.scopes,
            )
            # GitHub had just been asked about it, when it was sealed.
            return await self._identified(sealed, opened.client_id, opened.issued_at)
        token = direct_token(bearer, self._config)
        known = self._remembered.get(token.digest())
        if known is None:
            # Anybody can make up such a token, so asking GitHub about it is limited.
            asked_at_seconds = self._clock()
            stranger = Stranger(address=address, account=account)
            credential = await self._validate(token, stranger=stranger)
            fresh = await self._identified(credential, DIRECT_CLIENT_ID, asked_at_seconds)
            return replace(fresh, is_fresh=True)
        return await self._identified(
            known.validated.credential, DIRECT_CLIENT_ID, known.at_seconds
        )

    async def _identified(
        self, credential: GitHubCredential, client_id: str, vouched_at_seconds: float
    ) -> Identified:
        # At every request: who is taken out of `ALLOWED_USERS` has tokens and sessions.
        await self._allowed.check(credential.user_id)
        return Identified(
            # The issuer is part of who somebody is: on another GitHub (an Enterprise Server) the
            # same number is another person.
            principal=Principal(
                issuer=self._config.github_web_url,
                user_id=credential.user_id,
                login=credential.login,
                client_id=client_id,
            ),
            credential=credential,
            vouched_at_seconds=vouched_at_seconds,
        )

    async def validate(
        self, identified: Identified, *, repeats_a_no: bool = True
    ) -> GitHubCredential:
        """The credential as GitHub has it now, or had it a moment ago.

        Without `repeats_a_no` a token is refused only because GitHub refuses it now.
        Raises `SignInRequired` if GitHub does not know the token any more, `GitHubUnavailable` or
        `RateLimited` if GitHub could not be asked.
        """
        credential = identified.credential
        if identified.is_fresh:
            return credential
        self._remember(Validated(credential=credential), at_seconds=identified.vouched_at_seconds)
        return await self._validate(credential.token, proven=credential, repeats_a_no=repeats_a_no)

    def _remember(self, validated: Validated, *, at_seconds: float) -> None:
        """Remembers GitHub's yes of that time, unless something later is known of the token."""
        digest = validated.credential.token.digest()
        if digest not in self._remembered and digest not in self._doubted:
            self._remembered[digest] = _Remembered(validated=validated, at_seconds=at_seconds)

    def forget(self, token: GitHubToken) -> None:
        """Ask GitHub again next time: it has just refused this token, or something to it."""
        digest = token.digest()
        self._remembered.pop(digest, None)
        self._doubted[digest] = True

    def disbelieve(self, user_id: GitHubUserId) -> None:
        """Whatever GitHub has said until now of this account's tokens does not count any more."""
        self._disbelieved[user_id] = self._clock()

    def _is_disbelieved(self, known: _Remembered) -> bool:
        ended_at_seconds = self._disbelieved.get(known.validated.credential.user_id)
        return ended_at_seconds is not None and known.at_seconds <= ended_at_seconds

    async def _validate(
        self,
        token: GitHubToken,
        *,
        proven: GitHubCredential | None = None,
        stranger: Stranger | None = None,
        repeats_a_no: bool = True,
    ) -> GitHubCredential:
        """The token with what GitHub says of it. `proven` is what we know for certain of a token
        that GitHub gave to this app: then it is no guess.
        """
        digest = token.digest()
        known = self._remembered.get(digest)
        # Within this time a token that was revoked at GitHub itself still passes here. A call to
        # GitHub with it fails, and `forget` then ends the time early.
        if known is not None and self._counts(known):
            return of_the_same_account(known.validated.credential, proven)
        # A client that repeats a dead token costs GitHub one question, not one for each request.
        refusal = self._refused.reason(digest)
        if refusal is not None and repeats_a_no:
            raise SignInRequired(refusal)
        # A token that was good before may be asked about however many guess.
        unknown = None if known or proven else stranger
        try:
            credential = await self._answer(token, proven, unknown)
        except RateLimited as limited:
            # The limit says nothing about the token. Without this everybody would be shut out by
            # whoever has used the limit up.
            credential = self._still_vouched_for(digest, limited)
        return of_the_same_account(credential, proven)

    def _counts(self, known: _Remembered) -> bool:
        """True while GitHub need not be asked again."""
        if self._is_disbelieved(known):
            return False
        now = self._clock()
        if now < known.at_seconds + self._config.token_revalidate_seconds:
            return True
        # Who goes on asking while GitHub says not to may be shut out (GitHub, rate limits).
        is_limited = now < known.limited_until_seconds
        return is_limited and now < known.at_seconds + LIMITED_YES_SECONDS

    def _still_vouched_for(self, digest: str, limited: RateLimited) -> GitHubCredential:
        """What GitHub said before its limit was reached. Raises `limited` if that is too old."""
        known = self._remembered.get(digest)
        now = self._clock()
        if known is None or now >= known.at_seconds + LIMITED_YES_SECONDS:
            raise limited
        if self._is_disbelieved(known):
            raise limited
        self._remembered[digest] = replace(
            known, limited_until_seconds=now + limited.retry_after_seconds
        )
        return known.validated.credential

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
