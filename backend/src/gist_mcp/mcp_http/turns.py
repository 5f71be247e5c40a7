"""Requests of one account are begun a few at a time, so that others get their turn.

A process works in one event loop. Whoever sends 300 requests at once would have 300 tasks in it,
and each step of anybody else's request would wait for all of them. So of each account two requests
are worked on until their response begins or they wait for something of their own; the others of
the account wait before anything is done for them.

A turn is for work. Whoever waits for bytes of its client has none meanwhile, or a client that sends
half a body would keep all clients of its person waiting. Order of what is waited for, so that no
two wait for each other: without a turn room for a body and its bytes, then a turn, then without it
a place (`sessions/admission.py`).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import ClientDisconnect, Request

from gist_mcp.errors import LimitReached
from gist_mcp.http.body import announced_bytes, read_body
from gist_mcp.mcp_http.client_watch import KEPT_BYTES, ClientWatch
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit

AT_ONCE: Final = 2
"""More would be more tasks of one account in the event loop. With one, a request that waits for
GitHub would keep out the other clients of its person."""

MAX_WAITING: Final = 400
"""Requests of one account that wait for their turn, and as many that wait for their body. Each has
a connection, headers and up to 64 KiB of its body in memory."""

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one account's requests that wait for their turn, and as many of those that wait for
their body. They are in Envoy's memory. Requests of up to `KEPT_BYTES` come on top: nobody's large
ones are to keep them out."""

MAX_COMING_BYTES: Final = 24 * 1024 * 1024
"""Bytes of one account's bodies that are on their way or have come, by what they announce: four of
the largest. Further ones wait. A body of up to `KEPT_BYTES`, or that is there at once, does not
count."""

UNREAD_BYTES: Final = 1024 * 1024
"""How much Envoy holds of a body that nobody reads (`per_connection_buffer_limit_bytes`)."""

TURN_WAIT_SECONDS: Final = 60.0
"""How long a request waits for its turn. The MCP SDK for TypeScript waits 60 seconds for a
response, others less."""

RETRY_SECONDS: Final = 5
"""When a request that got no turn is told to come back."""

LEAVING_SECONDS: Final = 0.1
"""How long after a body's last byte is looked whether its client has left while it waited."""


@dataclass(eq=False)
class _Waiting:
    """How many wait for the same thing, and how many bytes of them."""

    count: int = 0
    size_bytes: int = 0

    def check(self, size_bytes: int) -> None:
        """Raises `LimitReached` if another one of this size may not wait."""
        # One alone may be larger, where the operator has set it so.
        is_too_much = self.size_bytes + size_bytes > MAX_WAITING_BYTES and size_bytes > KEPT_BYTES
        if self.count and (self.count >= MAX_WAITING or is_too_much):
            metrics.refused(Limit.REQUESTS_WAITING)
            raise LimitReached("Your GitHub account has too many requests here.", RETRY_SECONDS)


@dataclass(eq=False)
class _Account:
    """Who works and who waits. `back`: requests whose body has come. They are first, because they
    hold it in memory. `room_line`: who waits for room for a body, and for how many bytes."""

    active: int = 0
    back: "deque[asyncio.Future[None]]" = field(default_factory=deque)
    line: "deque[asyncio.Future[None]]" = field(default_factory=deque)
    for_turns: _Waiting = field(default_factory=_Waiting)
    for_bytes: _Waiting = field(default_factory=_Waiting)
    coming_bytes: int = 0
    room_line: "deque[tuple[int, asyncio.Future[None]]]" = field(default_factory=deque)

    @property
    def is_idle(self) -> bool:
        """Nobody works or waits."""
        return not (self.active or self.for_turns.count or self.for_bytes.count)

    def has_room(self, size_bytes: int) -> bool:
        """One alone may be larger, where the operator has set it so."""
        return not self.coming_bytes or self.coming_bytes + size_bytes <= MAX_COMING_BYTES

    def let_in(self) -> None:
        """Gives room to those who wait for it, in their order."""
        while self.room_line and self.has_room(self.room_line[0][0]):
            size_bytes, place = self.room_line.popleft()
            self.coming_bytes += size_bytes
            place.set_result(None)


class Turn:
    """The turn of one request. It ends once; `end` may be called repeatedly."""

    def __init__(self, turns: "Turns", key: str, client: ClientWatch | None = None) -> None:
        self._turns = turns
        self._key = key
        self._client = client
        self._is_held = True
        self._has_waited = False

    def end(self) -> None:
        """The next request of the account may be worked on."""
        if self._is_held:
            self._is_held = False
            self._turns.next(self._key)

    async def read_body(self, request: Request, limit_bytes: int) -> bytes:
        """As `http/body.py`. Others have the turn while the body is still on its way.

        Raises `LimitReached` too.
        """
        if self._client is not None and self._client.is_whole:
            return await read_body(request, limit_bytes)
        announced = announced_bytes(request)
        # What is announced is what will be held. No more than the limit is kept.
        size_bytes = limit_bytes if announced is None else min(announced, limit_bytes)
        with self._turns.waiting_for_bytes(self._key, min(size_bytes, UNREAD_BYTES)):
            self.end()
            async with self._turns.room(self._key, self._client, size_bytes):
                return await self._read_and_come_back(request, limit_bytes)

    async def _read_and_come_back(self, request: Request, limit_bytes: int) -> bytes:
        body = await read_body(request, limit_bytes)
        if self._has_waited and self._client is not None:
            # That a client has left is heard of after the last of what it sent.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVING_SECONDS):
                    await self._client.has_left.wait()
                    raise ClientDisconnect
        await self._turns.come(self._key, self._client, is_back=True)
        self._is_held = True
        return body

    @contextlib.contextmanager
    def others_meanwhile(self, size_bytes: int) -> Iterator[None]:
        """Ends the turn, and counts `size_bytes` as waiting. Raises `LimitReached`."""
        with self._turns.waiting_for_bytes(self._key, size_bytes):
            self.end()
            yield

    def note_wait(self) -> None:
        """The turn did not come at once."""
        self._has_waited = True


class Turns:
    """Whose turn it is. One per server process; used from one event loop."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    async def take(self, key: str, client: ClientWatch | None = None, size_bytes: int = 0) -> Turn:
        """The turn of a request of `key`, as soon as it has come.

        `size_bytes` is what it holds in memory while it waits. Raises `LimitReached`, and
        `ClientDisconnect` when the client leaves before.
        """
        if self._is_free(key):
            await self.come(key, client)
            return Turn(self, key, client)
        account = self._accounts[key]
        with self._counted(key, account, account.for_turns, size_bytes):
            await self.come(key, client)
        turn = Turn(self, key, client)
        turn.note_wait()
        return turn

    @contextlib.contextmanager
    def waiting_for_bytes(self, key: str, size_bytes: int) -> Iterator[None]:
        """Counts a request that has no turn and holds so many bytes. Raises `LimitReached`."""
        account = self._accounts.setdefault(key, _Account())
        with self._counted(key, account, account.for_bytes, size_bytes):
            yield

    @contextlib.contextmanager
    def _counted(
        self, key: str, account: _Account, waiting: _Waiting, size_bytes: int
    ) -> Iterator[None]:
        waiting.check(size_bytes)
        waiting.count += 1
        waiting.size_bytes += size_bytes
        try:
            yield
        finally:
            waiting.count -= 1
            waiting.size_bytes -= size_bytes
            self._forget(key, account)

    @contextlib.asynccontextmanager
    async def room(
        self, key: str, client: ClientWatch | None, size_bytes: int
    ) -> AsyncIterator[None]:
        """Room for a body, as soon as there is some. Within `waiting_for_bytes`.

        A body of up to `KEPT_BYTES` needs none. Raises as `come`.
        """
        if size_bytes <= KEPT_BYTES:
            yield
            return
        account = self._accounts[key]
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size_bytes, place)
        account.room_line.append(entry)
        account.let_in()
        try:
            if not place.done():
                await _its_turn(place, client)
            yield
        finally:
            if place.done():
                account.coming_bytes -= size_bytes
            else:
                account.room_line.remove(entry)
            account.let_in()

    async def come(self, key: str, client: ClientWatch | None, *, is_back: bool = False) -> None:
        """Waits for a turn, which ends with `next`.

        Raises `LimitReached`, and `ClientDisconnect` when the client leaves before.
        """
        account = self._accounts.setdefault(key, _Account())
        if self._is_free(key):
            account.active += 1
            return
        line = account.back if is_back else account.line
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            await _its_turn(place, client)
        except BaseException:
            if place.done():
                # The turn came in the moment in which the client left.
                self.next(key)
            else:
                line.remove(place)
                self._forget(key, account)
            raise

    def next(self, key: str) -> None:
        """A turn is over: it goes to the request that has waited longest."""
        account = self._accounts[key]
        line = account.back or account.line
        if line:
            line.popleft().set_result(None)
            return
        account.active -= 1
        self._forget(key, account)

    def _is_free(self, key: str) -> bool:
        # Nobody waits while there is a turn: `next` gives it to them.
        account = self._accounts.get(key)
        return account is None or account.active < AT_ONCE

    def _forget(self, key: str, account: _Account) -> None:
        if account.is_idle and self._accounts.get(key) is account:
            del self._accounts[key]

    def __len__(self) -> int:
        """How many accounts have a request here."""
        return len(self._accounts)


async def _its_turn(place: "asyncio.Future[None]", client: ClientWatch | None) -> None:
    """Until `place` is done. Raises `LimitReached` and `ClientDisconnect`."""
    awaited: set[asyncio.Future[None]] = {place}
    if client is not None:
        awaited.add(leaving := asyncio.ensure_future(_left(client)))
    try:
        await asyncio.wait(awaited, timeout=TURN_WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if client is not None:
            leaving.cancel()
    if client is not None and client.has_left.is_set():
        # It has stopped waiting: what it asked for must not happen later.
        raise ClientDisconnect
    if not place.done():
        text = "Your GitHub account has many requests here, and this one did not get its turn."
        metrics.refused(Limit.REQUESTS_WAITING)
        raise LimitReached(text, RETRY_SECONDS)


async def _left(client: ClientWatch) -> None:
    await client.has_left.wait()
