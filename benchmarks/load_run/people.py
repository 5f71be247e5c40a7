"""The people of a run: accounts at GitHub, addresses, tokens, sessions, and everybody's notes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import httpx

from benchmarks.load_run.client import ADDRESS_HEADER, LoadClient
from benchmarks.load_run.connections import Connections
from benchmarks.load_run.outcome import Kind
from benchmarks.load_run.person import Notes, Person
from benchmarks.load_run.schedule import Sample
from benchmarks.sign_in import SignedIn, refresh, sign_in
from benchmarks.started_server import StartedServer

MAX_THREADS = 64


class NotReady(Exception):
    """Somebody could not be made ready before the measurement began."""


@dataclass
class People:
    """Everybody at one server."""

    target: StartedServer
    connections: Connections
    notes: Notes = field(default_factory=Notes)
    _addresses: dict[str, str] = field(default_factory=dict)
    _browsers: dict[str, httpx.Cookies] = field(default_factory=dict)
    # Many: somebody who waits for a page must not keep others from asking for theirs.
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(MAX_THREADS))

    async def newcomer(self, user_class: str, login: str) -> Person:
        """A person whose client presents a GitHub token as it is, and has no session yet."""
        await self.know(login)
        client = self.client_of(login)
        client.use_token(await self.in_thread(partial(self.target.github.new_token, login)))
        return Person(user_class, login, client, self.notes)

    async def signed_in(self, user_class: str, login: str) -> Person:
        """A person whose client has tokens of ours after a sign-in by HTTP, and no session yet.

        Raises `SignInFailed` or `httpx.HTTPError`.
        """
        await self.know(login)
        client = self.client_of(login)
        client.use_token((await self.sign_in(login)).access_token)
        return Person(user_class, login, client, self.notes)

    def client_of(self, login: str) -> LoadClient:
        """A client of a person with an account, without a token yet."""
        return LoadClient(self.connections, self._addresses[login])

    async def sign_in(self, login: str) -> SignedIn:
        """A whole sign-in by HTTP, from the person's address and with the person's browser.

        Raises what `signed_in` raises.
        """
        call = partial(
            sign_in,
            self.url,
            self.target.github,
            account=login,
            headers={ADDRESS_HEADER: self._addresses[login]},
            cookies=self._browsers.setdefault(login, httpx.Cookies()),
        )
        return await self.in_thread(call)

    async def refresh(self, login: str, tokens: SignedIn) -> SignedIn:
        """The client's next tokens. Raises `httpx.HTTPError`."""
        headers = {ADDRESS_HEADER: self._addresses[login]}
        return await self.in_thread(partial(refresh, self.url, tokens, headers))

    @property
    def url(self) -> str:
        """The server's URL."""
        return f"http://localhost:{self.target.process.port}"

    async def in_thread[Result](self, call: Callable[[], Result]) -> Result:
        """The result of a call that blocks."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def with_session(self, user_class: str, login: str) -> Person:
        """A newcomer who has opened a session. Raises `NotReady`."""
        person = await self.newcomer(user_class, login)
        await self.open(person)
        return person

    async def open(self, person: Person) -> None:
        """Opens the person's session. Raises `NotReady`."""
        outcome = await person.open(time.perf_counter())
        if outcome.kind is not Kind.DONE:
            raise NotReady(f"{person.login} cannot open a session: {outcome.text}")

    async def know(self, login: str) -> None:
        """Makes an account at GitHub, if there is none yet, and gives its person an address."""
        if login not in self._addresses:
            number = len(self._addresses)
            self._addresses[login] = f"10.20.{number // 250}.{number % 250 + 1}"
            await self.in_thread(partial(self.target.github.new_account, login))

    def close(self) -> None:
        """Closes the connections; sessions stay open at the server."""
        self.connections.close()
        self._threads.shutdown()

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
