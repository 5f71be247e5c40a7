"""How earlier releases asked GitHub, to compare with.

Each process asked once a minute about each token that it saw, and at every refresh, always in the
app's name. Made-up tokens were limited in each process for itself, codes not at all.
"""

from dataclasses import dataclass, field

from benchmarks.budgets.deployment import config_of_app, github_client, oauth_client
from benchmarks.budgets.fast_github import APP, CODE_VERIFIER, FastGitHub
from benchmarks.budgets.people import User
from benchmarks.budgets.traffic import Event
from gist_mcp.errors import SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.rate_limit import RateLimit
from gist_mcp.token_bucket import Rate
from gist_mcp.tokens.guess_budget import TooManyGuesses

REMEMBERED_SECONDS = 60.0
GUESSES = Rate(burst=60, per_second=0.35)
"""Of each process, from everybody together."""
EVERYBODY = ""


@dataclass
class _Process:
    guesses: RateLimit
    asked_at_seconds: dict[str, float] = field(default_factory=dict)
    """Of each token that GitHub has said yes to, by digest."""


class EarlierDeployment:
    """All processes of an earlier release at one GitHub. Raises what `Deployment` raises."""

    def __init__(self, github: FastGitHub, processes: int) -> None:
        http = github.client()
        self._clock = github.clock
        self._github = github_client(http, github.clock)
        self._oauth = oauth_client(http, github.clock)
        self._secret = config_of_app().github_client_secret
        self._processes = [_Process(RateLimit(GUESSES, self._clock)) for _ in range(processes)]

    async def call(self, event: Event, user: User) -> None:
        """The process that got the call asked, unless it had in the last minute."""
        asked_at_seconds = self._processes[event.process].asked_at_seconds
        digest = user.credential.token.digest()
        remembered_until = asked_at_seconds.get(digest, 0.0) + REMEMBERED_SECONDS
        if self._clock() >= remembered_until:
            await self._ask(user.credential.token)
            asked_at_seconds[digest] = self._clock()

    async def refresh(self, _: Event, user: User) -> None:
        """Always asked."""
        await self._ask(user.credential.token)

    async def random_token(self, event: Event, token: str) -> None:
        """Asked within the process's limit."""
        guesses = self._processes[event.process].guesses
        if wait_seconds := guesses.wait_seconds(EVERYBODY):
            raise TooManyGuesses(wait_seconds)
        guesses.take(EVERYBODY)
        await self._ask(GitHubToken(token))

    async def sign_in(self, _: Event, user: User, code: str) -> None:
        """The code, and whose the token is."""
        grant = await self._oauth.exchange_code(code=code, code_verifier=CODE_VERIFIER)
        await self._github.get_user(grant.access_token)

    async def garbage_code(self, _: Event, code: str) -> None:
        """Always sent on."""
        await self._oauth.exchange_code(code=code, code_verifier=CODE_VERIFIER)

    async def _ask(self, token: GitHubToken) -> None:
        if await self._github.check_token(token, APP.client_id, self._secret) is None:
            raise SignInRequired("GitHub knows no such token.")
