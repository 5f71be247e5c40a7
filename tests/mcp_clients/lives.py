"""All clients at once, through everything that a client lives through.

At once, because the server is killed in the middle, and once is enough for all of them.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.mcp_clients.driver import Client
from tests.mcp_clients.person import Person
from tests.mcp_clients.programs import CLIENTS, Program
from tests.support.world import World

# GitHub keeps ten tokens for one person, app and set of scopes.
ACCOUNTS = ("octocat", "hubot", "monalisa")
AT_ONCE = 3
"""So many are busy at the same time, on machines with two processors."""

type Place = Literal["our page", "GitHub"]


@dataclass(kw_only=True)
class Story:
    """What a client told, where its browser was sent, and why it could not be run or followed."""

    told: dict[str, Any] = field(default_factory=dict)
    sent_to: list[str] = field(default_factory=list)
    not_installed: str | None = None
    failure: str | None = None


@dataclass(kw_only=True)
class Life(Story):
    """Of a client that was let in: also what it told when it was started again."""

    account: str
    told_again: dict[str, Any] = field(default_factory=dict)


def live_through_a_kill(here: World, folder: Path) -> dict[str, Life]:
    """Each client signs in and calls, the server is killed and started, each client calls again
    in the same session, refreshes, and at last starts again without anybody at a browser."""
    here.github.configure(expiring_tokens=True)
    accounts = itertools.cycle(ACCOUNTS)
    lives = {name: Life(account=next(accounts)) for name in CLIENTS}
    present = _all_installed(lives)
    url = here.server.mcp_url

    with ExitStack() as stack:
        clients: dict[str, Client] = {}

        def begin(name: str) -> None:
            person = Person(world=here, account=lives[name].account)
            client = Client(present[name], url, folder / name, "whole", person)
            clients[name] = stack.enter_context(client)
            client.attend_until_it_waits()

        def end(name: str) -> None:
            clients[name].go_on()
            lives[name].told = clients[name].result()
            lives[name].sent_to = clients[name].answers

        failures = _for_each(present, begin)
        here.server.restart()
        failures |= _for_each(present.keys() - failures, end)

    def start_again(name: str) -> None:
        with Client(present[name], url, folder / name, "call", None) as client:
            lives[name].told_again = client.result()

    failures |= _for_each(present.keys() - failures, start_again)
    for name, failure in failures.items():
        lives[name].failure = failure
    return lives


def be_denied(here: World, folder: Path, place: Place) -> dict[str, Story]:
    """Somebody does not agree that each client signs in."""
    denials = {name: Story() for name in CLIENTS}

    present = _all_installed(denials)

    def ask(name: str) -> None:
        person = Person(world=here, denies_at=place)
        with Client(present[name], here.server.mcp_url, folder / name, "call", person) as client:
            denials[name].told = client.result()
            denials[name].sent_to = client.answers

    failures = _for_each(present, ask)
    for name, failure in failures.items():
        denials[name].failure = failure
    return denials


def _all_installed(stories: Mapping[str, Story]) -> dict[str, Program]:
    """The clients that can be run; the others' stories say why not."""
    present = {}
    for name, story in stories.items():
        try:
            present[name] = CLIENTS[name]()
        except pytest.skip.Exception as skipped:
            story.not_installed = str(skipped)
    return present


def _for_each(names: Iterable[str], work: Callable[[str], None]) -> dict[str, str]:
    """Does it for some at a time; returns who failed and why, so that one does not fail all."""
    failures = {}

    def attempt(name: str) -> None:
        try:
            work(name)
        except AssertionError as failure:
            failures[name] = str(failure)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(attempt, names))
    return failures
