"""Who sends what when, and which process gets it by chance. Pure, and the same for one seed."""

import heapq
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from benchmarks.budgets.settings import BudgetSettings
from benchmarks.load_run.schedule import at_random
from gist_mcp.tokens.access_token import ACCESS_TOKEN_LIFETIME_SECONDS

REFRESHED_EARLY_SECONDS = 30.0
"""So long before its token ends a client refreshes."""


class Kind(Enum):
    """What a request is."""

    CALL = "a call of a user"
    REFRESH = "a refresh of a user"
    KNOWN_SIGN_IN = "a sign-in with a known browser"
    NEW_SIGN_IN = "a sign-in with a new browser"
    RANDOM_TOKEN = "a random token of a stranger"
    GARBAGE_CODE = "a garbage code of a stranger"


@dataclass(frozen=True)
class Event:
    """A request. `who` is the user's number, or that of the stranger's address."""

    at_seconds: float
    kind: Kind
    who: int
    process: int
    """That gets the request if nothing directs it."""


def traffic(settings: BudgetSettings) -> Iterator[Event]:
    """The requests in their order."""
    chance = random.Random(settings.seed)
    streams: list[Iterable[Event]] = [
        _calls(settings, chance, user) for user in range(settings.users)
    ]
    streams.append(sorted(_refreshes(settings, chance), key=_time))
    for kind, count in (
        (Kind.KNOWN_SIGN_IN, settings.known_sign_ins),
        (Kind.NEW_SIGN_IN, settings.new_sign_ins),
    ):
        streams.append(_sign_ins(settings, chance, kind, count))
    for kind, per_second in (
        (Kind.RANDOM_TOKEN, settings.random_tokens_per_second),
        (Kind.GARBAGE_CODE, settings.garbage_codes_per_second),
    ):
        streams.append(_strangers(settings, chance, kind, per_second))
    return heapq.merge(*streams, key=_time)


def refresh_times(settings: BudgetSettings) -> dict[int, float]:
    """When each client with tokens of ours refreshes: a little before its first token, which was
    got some time before the simulation, ends."""
    chance = random.Random(f"{settings.seed} refreshes")
    latest = ACCESS_TOKEN_LIFETIME_SECONDS - REFRESHED_EARLY_SECONDS
    times = {user: chance.uniform(0, latest) for user in range(settings.users)}
    return {user: at for user, at in times.items() if not is_direct(settings, user)}


def is_direct(settings: BudgetSettings, user: int) -> bool:
    """True for a user who brings a GitHub token as it is."""
    return user * 100 < settings.users * settings.direct_percent


def _calls(settings: BudgetSettings, chance: random.Random, user: int) -> list[Event]:
    times = at_random(settings.call_pause_seconds, settings.seconds, chance)
    return [Event(at, Kind.CALL, user, chance.randrange(settings.processes)) for at in times]


def _refreshes(settings: BudgetSettings, chance: random.Random) -> list[Event]:
    return [
        Event(at, Kind.REFRESH, user, chance.randrange(settings.processes))
        for user, at in refresh_times(settings).items()
        if at < settings.seconds
    ]


def _sign_ins(
    settings: BudgetSettings, chance: random.Random, kind: Kind, count: int
) -> list[Event]:
    return sorted(
        (
            Event(
                chance.uniform(0, settings.seconds),
                kind,
                chance.randrange(settings.users),
                chance.randrange(settings.processes),
            )
            for _ in range(count)
        ),
        key=_time,
    )


def _strangers(
    settings: BudgetSettings, chance: random.Random, kind: Kind, per_second: float
) -> list[Event]:
    return [
        Event(
            at,
            kind,
            chance.randrange(settings.stranger_addresses),
            chance.randrange(settings.processes),
        )
        for at in at_random(1 / per_second, settings.seconds, chance)
    ]


def _time(event: Event) -> float:
    return event.at_seconds
