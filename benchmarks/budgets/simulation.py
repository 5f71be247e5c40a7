"""Plays an hour of requests against a deployment, with a clock that jumps from one to the next."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.budgets.deployment import KEY, config_of_app
from benchmarks.budgets.fast_github import FastClock, FastGitHub
from benchmarks.budgets.people import User, users_of
from benchmarks.budgets.settings import BudgetSettings
from benchmarks.budgets.traffic import Event, Kind, traffic
from gist_mcp.errors import GistMcpError
from gist_mcp.tokens.sealing import Sealer

BEGINNING_SECONDS = 1_800_000_000.0
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_CHARACTERS = 36
CODE_CHARACTERS = 20


class Rules(Protocol):
    """A deployment, as far as it asks GitHub. Everything raises `GistMcpError`s."""

    async def call(self, event: Event, user: User) -> None:
        """A user's request with a token."""

    async def refresh(self, event: Event, user: User) -> None:
        """A user's refresh."""

    async def random_token(self, event: Event, token: str) -> None:
        """A stranger's request with a made-up token."""

    async def sign_in(self, event: Event, user: User, code: str) -> None:
        """A user's sign-in, with a code that GitHub has just given."""

    async def garbage_code(self, event: Event, code: str) -> None:
        """A stranger's sign-in with a made-up code."""


@dataclass(frozen=True)
class Simulated:
    """What an hour has cost. Counts are by budget, and by kind of request."""

    asked: Mapping[str, int]
    limited: Mapping[str, int]
    """Of `asked`, what GitHub refused because the budget was used up."""
    sent: Mapping[Kind, int] = field(default_factory=dict)
    refused: Mapping[Kind, int] = field(default_factory=dict)


async def simulate(
    settings: BudgetSettings, make_rules: Callable[[FastGitHub], Rules]
) -> Simulated:
    """The hour, with the rules that `make_rules` makes. The same for the same settings."""
    chance = random.Random(f"{settings.seed} strangers")
    github = FastGitHub(FastClock(BEGINNING_SECONDS))
    users = users_of(settings, github, config_of_app(), Sealer([KEY]))
    rules = make_rules(github)
    sent: Counter[Kind] = Counter()
    refused: Counter[Kind] = Counter()
    for event in traffic(settings):
        github.clock.now = BEGINNING_SECONDS + event.at_seconds
        sent[event.kind] += 1
        try:
            await _play(rules, event, users, github, chance)
        except GistMcpError:
            refused[event.kind] += 1
    return Simulated(github.asked, github.limited, sent, refused)


async def _play(
    rules: Rules, event: Event, users: list[User], github: FastGitHub, chance: random.Random
) -> None:
    match event.kind:
        case Kind.CALL:
            await rules.call(event, users[event.who])
        case Kind.REFRESH:
            await rules.refresh(event, users[event.who])
        case Kind.KNOWN_SIGN_IN | Kind.NEW_SIGN_IN:
            user = users[event.who]
            await rules.sign_in(event, user, github.new_code(user.credential.user_id))
        case Kind.RANDOM_TOKEN:
            token = "gho_" + "".join(chance.choices(ALPHABET, k=TOKEN_CHARACTERS))
            await rules.random_token(event, token)
        case Kind.GARBAGE_CODE:
            code = "".join(chance.choices("0123456789abcdef", k=CODE_CHARACTERS))
            await rules.garbage_code(event, code)
