"""Lets those use this server whom `ALLOWED_USERS` names, at every way in.

Logins are looked up at GitHub once, after the start, by one process: the owner of the state where
the answers are recorded. Every process keeps them in memory, so a check costs nothing. While a
login is not looked up, as GitHub is down, nobody is let in or refused who may be its account.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from gist_mcp.allowed_users import Verdict, is_managed
from gist_mcp.config import Config
from gist_mcp.errors import (
    AccountNotAllowed,
    AllowedUsersUnknown,
    GistMcpError,
    GitHubUnavailable,
    RateLimited,
)
from gist_mcp.github.client import GitHubClient
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens.allowed_records import AllowedUserRecords

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
"""Between two attempts in the background; each pause is twice the one before it."""

PATIENCE_SECONDS: Final = 5.0
"""How long a request waits for an attempt."""

TRY_AGAIN_SECONDS: Final = 5
"""What a caller is told who could not be decided about."""


class AllowedAccounts:
    """Decides which accounts may use this server. One per server process.

    `is_looking_up` tells whether this process is the one that asks GitHub. `clock` gives Unix time
    in seconds. `sleep` waits between attempts, which `timer` measures in seconds.
    """

    def __init__(
        self,
        *,
        config: Config,
        github: GitHubClient,
        records: AllowedUserRecords,
        is_looking_up: Callable[[], bool],
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._config = config
        self._allowed = config.allowed_users
        self._github = github
        self._records = records
        self._is_looking_up = is_looking_up
        self._clock = clock
        self._timer = timer
        self._sleep = sleep
        self._resolved: dict[str, int | None] = {}
        self._has_begun = False
        self._in_progress: asyncio.Task[None] | None = None
        # A login that GitHub fails on is asked about after the others, or it would be in their way.
        self._order = sorted(self._allowed.logins)
        self._asks_again_at_seconds = 0.0

    async def check(self, user_id: GitHubUserId) -> None:
        """Returns if the account may use this server.

        Raises `AccountNotAllowed` if it may not, `AllowedUsersUnknown` if that is not known yet.
        """
        verdict = self._allowed.verdict(user_id, self._resolved)
        if verdict is Verdict.UNDECIDED:
            await self._attempt_in_time()
            verdict = self._allowed.verdict(user_id, self._resolved)
        if verdict is Verdict.UNDECIDED:
            raise AllowedUsersUnknown(TRY_AGAIN_SECONDS)
        if verdict is Verdict.REFUSED:
            raise AccountNotAllowed

    async def check_at_sign_in(self, user_id: GitHubUserId, login: str) -> None:
        """As `check`, for an account of which GitHub has said this moment that it has the login.

        Raises what `check` raises.
        """
        await self._learn(user_id, login.lower())
        await self.check(user_id)

    async def look_up_until_known(self) -> None:
        """Looks all logins up, however long that takes. For the background of each process."""
        if self._allowed.is_everybody:
            return
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            await self._attempt()
            if self._has_begun and not self._missing():
                return
            await self._sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)

    def _missing(self) -> list[str]:
        return self._allowed.unresolved(self._resolved)

    async def _learn(self, user_id: GitHubUserId, login: str) -> None:
        """Takes GitHub's word at a sign-in for an answer about a login that has none yet.

        It is the same word as a lookup's. Of a managed user the app gets no other.
        """
        if login not in self._allowed.logins or self._resolved.get(login) is not None:
            return
        # Was nobody's at the start: see `servicers/allowed_users.py`.
        if login in self._resolved and not is_managed(login):
            return
        try:
            self._resolved |= await self._records.begin(self._allowed.logins)
            self._resolved[login] = await self._records.record(
                login, user_id, now_seconds=int(self._clock())
            )
        except StateUnavailable as error:
            raise AllowedUsersUnknown(TRY_AGAIN_SECONDS, log_reason=error.log_reason) from None

    async def _attempt_in_time(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._attempt()
        except TimeoutError:
            pass

    async def _attempt(self) -> None:
        """One attempt for all who wait for it. Ends when it has failed, too."""
        if self._in_progress is None:
            self._in_progress = asyncio.create_task(self._look_up(), name="look up allowed users")
            self._in_progress.add_done_callback(self._attempt_is_over)
        # Shielded: one impatient client must not end it for the others.
        await asyncio.shield(self._in_progress)

    def _attempt_is_over(self, _: asyncio.Task[None]) -> None:
        self._in_progress = None

    async def _look_up(self) -> None:
        try:
            self._resolved |= await self._records.begin(self._allowed.logins)
            self._has_begun = True
            # One process, so that a login costs one question, however many processes there are.
            if self._is_looking_up():
                await self._ask_about_the_missing()
        except StateUnavailable as error:
            # As at every start, for a moment.
            logger.debug("ALLOWED_USERS: %s", error.log_reason)

    async def _ask_about_the_missing(self) -> None:
        """Asks GitHub, one login after the other. Raises `StateUnavailable`."""
        # Strangers who come meanwhile do not make it ask more often.
        if self._timer() < self._asks_again_at_seconds:
            return
        missing = set(self._missing())
        for login in [each for each in self._order if each in missing]:
            try:
                user_id = await self._ask(login)
            except (GitHubUnavailable, RateLimited) as error:
                self._order.remove(login)
                self._order.append(login)
                self._asks_again_at_seconds = self._timer() + error.retry_after_seconds
                self._warn(error)
                return
            self._resolved[login] = await self._records.record(
                login, user_id, now_seconds=int(self._clock())
            )

    async def _ask(self, login: str) -> GitHubUserId | None:
        """Whose login it is; `None` for nobody's. Raises `GitHubUnavailable`, `RateLimited`."""
        config = self._config
        found = await self._github.find_account(
            login, config.github_client_id, config.github_client_secret
        )
        # After a redirect the account may be another one than was asked about.
        if found is not None and found.is_person and found.login.lower() == login:
            logger.info("ALLOWED_USERS: %s is GitHub user %d", login, found.id)
            return found.id
        if is_managed(login):
            logger.info("ALLOWED_USERS: %s is looked up when this user signs in", login)
        else:
            text = "ALLOWED_USERS: GitHub has no user %s; the entry lets nobody in"
            logger.warning(text, login)
        return None

    def _warn(self, error: GistMcpError) -> None:
        text = "ALLOWED_USERS: %d of %d logins are not looked up yet; tried again: %s"
        logger.warning(text, len(self._missing()), len(self._allowed.logins), error.log_reason)
