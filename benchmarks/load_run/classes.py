"""Classes of users: how many of each, how often each comes, and what each does on coming."""

import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from benchmarks.http_connection import ConnectionLost, ResponseHead
from benchmarks.load_run.client import ADDRESS_HEADER, LoadClient
from benchmarks.load_run.connections import Connections
from benchmarks.load_run.greedy import GREEDY
from benchmarks.load_run.outcome import (
    DONE,
    Kind,
    Outcome,
    answer_of,
    error,
    limit_of_status,
    refusal_of,
)
from benchmarks.load_run.people import People
from benchmarks.load_run.person import LIST, PROFILE, Notes, Person
from benchmarks.load_run.schedule import at_random
from benchmarks.load_run.settings import LoadSettings
from benchmarks.mcp_session import client_headers, initialize_parameters, request_message
from benchmarks.sign_in import SignedIn, SignInFailed

READERS = "readers"
WRITERS = "writers"
NEWCOMERS = "newcomers"
STRANGERS = "strangers"

PARTS = {WRITERS: 0.25, NEWCOMERS: 0.1, STRANGERS: 0.05}
"""The part of all users that a class has. One person is greedy, and all others are readers."""

PAUSE_SECONDS = {READERS: 15.0, WRITERS: 20.0, NEWCOMERS: 60.0, STRANGERS: 2.0}
"""After so long on average the same person comes again."""

KEYED_PART = 0.5
REPEATED_PART = 0.25
"""Of the gists made with a key, so many are asked for once more with the same key."""


def crowd_of(users: int) -> dict[str, int]:
    """How many people of each class there are among so many."""
    crowd = {name: max(1, round(users * part)) for name, part in PARTS.items()}
    return {READERS: users - sum(crowd.values()) - 1, **crowd, GREEDY: 1}


def pause_seconds(settings: LoadSettings) -> dict[str, float]:
    """The average pause of somebody of each class that has a schedule. The greedy one has none."""
    return {name: pause / settings.hurry for name, pause in PAUSE_SECONDS.items()}


def times_of(settings: LoadSettings) -> dict[str, list[list[float]]]:
    """When each person comes, by class: the same for the same settings."""
    chance = random.Random(settings.seed)
    crowd = crowd_of(settings.users)
    return {
        name: [at_random(pause, settings.seconds, chance) for _ in range(crowd[name])]
        for name, pause in pause_seconds(settings).items()
    }


@dataclass
class Reader:
    """Somebody with an open session who looks."""

    person: Person
    chance: random.Random

    async def come(self, due: float) -> None:
        """One call."""
        await self.person.read(self.chance.choice((PROFILE, LIST)), due)


@dataclass
class Writer:
    """Somebody with an open session who makes gists, some with an idempotency key."""

    person: Person
    chance: random.Random

    async def come(self, due: float) -> None:
        """One gist, which may be asked for twice."""
        arguments = self.person.new_gist(keyed=self.chance.random() < KEYED_PART)
        await self.person.create(arguments, due)
        if "idempotency_key" in arguments and self.chance.random() < REPEATED_PART:
            await self.person.create(arguments, time.perf_counter())


@dataclass
class Newcomer:
    """Somebody who signs in, opens a session, makes a call, refreshes and leaves."""

    people: People
    login: str

    async def come(self, due: float) -> None:
        """All of it, until something fails."""
        visit = _Visit(self.people, self.login, self.people.client_of(self.login))
        for operation, step in (
            ("sign-in", visit.sign_in),
            ("initialize", visit.client.open),
            (PROFILE, visit.call),
            ("refresh", visit.refresh),
            ("end of the session", visit.client.end),
        ):
            outcome = await _outcome_of(step)
            self.people.notes.note(NEWCOMERS, operation, due, outcome)
            if outcome.kind is not Kind.DONE:
                break
            due = time.perf_counter()


@dataclass
class _Visit:
    people: People
    login: str
    client: LoadClient
    _tokens: SignedIn | None = None

    async def sign_in(self) -> Outcome:
        return self._use(await self.people.sign_in(self.login))

    async def call(self) -> Outcome:
        return (await self.client.call(PROFILE, {})).outcome

    async def refresh(self) -> Outcome:
        assert self._tokens is not None
        return self._use(await self.people.refresh(self.login, self._tokens))

    def _use(self, tokens: SignedIn) -> Outcome:
        self._tokens = tokens
        self.client.use_token(tokens.access_token)
        return DONE


async def _outcome_of(step: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """The step's outcome, where an HTTP client may have failed in it."""
    try:
        return await step()
    except httpx.HTTPStatusError as refused:
        response = refused.response
        limit = limit_of_status(response.status_code, dict(response.headers))
        return limit or error(f"HTTP {response.status_code} at {response.request.url.path}")
    except httpx.TimeoutException:
        return error("no answer in time")
    except SignInFailed as failure:
        return refusal_of(str(failure))
    except httpx.HTTPError as failure:
        return error(f"{type(failure).__name__}: {failure}")


@dataclass
class Stranger:
    """Somebody without an account who tries what strangers try."""

    connections: Connections
    address: str
    notes: Notes
    chance: random.Random
    _headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._headers = {ADDRESS_HEADER: self.address, "accept": "text/html"}

    async def come(self, due: float) -> None:
        """One attempt."""
        name, attempt = self.chance.choice(
            (
                ("random token", self._random_token),
                ("garbage code", self._garbage_code),
                ("anonymous authorize", self._authorize),
            )
        )
        try:
            outcome = await attempt()
        except (TimeoutError, ConnectionLost, OSError) as problem:
            outcome = error(f"connection lost: {problem}")
        self.notes.note(STRANGERS, name, due, outcome)

    async def _random_token(self) -> Outcome:
        """A token that looks like GitHub's."""
        headers = {**client_headers(f"gho_{secrets.token_hex(18)}"), ADDRESS_HEADER: self.address}
        body = request_message(1, "initialize", initialize_parameters())
        head = await self.connections.request("POST", "/mcp", headers, body)
        return answer_of(head.status, head.headers, frozenset({401}))

    async def _authorize(self) -> Outcome:
        """A sign-in that is begun and left."""
        head = await self._begun()
        return answer_of(head.status, head.headers, frozenset({302}))

    async def _garbage_code(self) -> Outcome:
        """A sign-in of the stranger's own, with a code that GitHub never gave."""
        head = await self._begun()
        if head.status != httpx.codes.FOUND:
            return answer_of(head.status, head.headers, frozenset())
        state = httpx.URL(head.headers["location"]).params["state"]
        query = httpx.QueryParams({"code": secrets.token_hex(10), "state": state})
        cookie = head.headers["set-cookie"].partition(";")[0]
        head = await self.connections.request(
            "GET", f"/oauth/callback?{query}", {**self._headers, "cookie": cookie}
        )
        return answer_of(head.status, head.headers, frozenset({400}))

    async def _begun(self) -> ResponseHead:
        return await self.connections.request("GET", "/oauth/authorize", self._headers)
