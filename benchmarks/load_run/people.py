"""The people of a run: accounts at GitHub, addresses, tokens, sessions, and everybody's notes."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.load_run.client import LoadClient
from benchmarks.load_run.connections import Connections
from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.person import Notes, Person
from benchmarks.load_run.schedule import Sample
from benchmarks.started_server import StartedServer


class NotReady(Exception):
    """Somebody could not be made ready before the measurement began."""


@dataclass
class People:
    """Everybody at one server."""

    target: StartedServer
    connections: Connections
    notes: Notes = field(default_factory=Notes)
    _addresses: dict[str, str] = field(default_factory=dict)

    async def newcomer(self, user_class: str, login: str) -> Person:
        """A person with a GitHub token, which is presented as it is, and no session yet."""
        if login not in self._addresses:
            await self.new_account(login)
        token = await asyncio.to_thread(self.target.github.new_token, login)
        client = LoadClient(self.connections, token, self._addresses[login])
        return Person(user_class, login, client, self.notes)

    async def with_session(self, user_class: str, login: str) -> Person:
        """A newcomer who has opened a session. Raises `NotReady`."""
        person = await self.newcomer(user_class, login)
        outcome = await person.open(time.perf_counter())
        if outcome.kind is not Kind.DONE:
            raise NotReady(f"{login} cannot open a session: {outcome.text}")
        return person

    async def new_account(self, login: str) -> str:
        """Makes an account at GitHub; returns the address that its person comes from."""
        number = len(self._addresses)
        self._addresses[login] = address = f"10.20.{number // 250}.{number % 250 + 1}"
        await asyncio.to_thread(self.target.github.new_account, login)
        return address

    def take_samples(self) -> Sequence[Sample]:
        """What has been noted since the last time."""
        taken, self.notes.samples = self.notes.samples, []
        return taken

    def gists(self) -> dict[str, list[tuple[str, str]]]:
        """Id and description of each gist at GitHub, by account."""
        github = self.target.github
        return {
            login: [(each.gist_id, each.description or "") for each in github.gists(login)]
            for login in self._addresses
        }
