"""Before `/mcp`: requests of one account are begun a few at a time, so that others get their turn.

A process works in one event loop. Whoever sends 300 requests at once would have 300 tasks in it,
and each step of anybody else's request would wait for all of them. So of each account two requests
are worked on until their response begins or they wait for something of their own; the others of
the account wait before anything is read of them.
"""

import asyncio
import hashlib
from collections import deque
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import LimitReached, SignInRequired
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.authentication import bearer_token
from gist_mcp.tokens.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.tokens.grants import account_id

AT_ONCE: Final = 2
"""More would be more tasks of one account in the event loop. With one, a client that sends its body
slowly would keep out the other clients of its person."""

MAX_WAITING: Final = 1_000
"""Requests of one account that wait for their turn."""

_TURN: Final = "gist_mcp.turn"
"""Where a request's scope has its turn."""


class Turn:
    """The turn of one request. `end` may be called repeatedly."""

    def __init__(self, turns: "Turns", key: str) -> None:
        self._turns = turns
        self._key = key
        self._is_over = False

    def end(self) -> None:
        """The next request of the account may be worked on."""
        if not self._is_over:
            self._is_over = True
            self._turns.next(self._key)


class Turns:
    """Whose turn it is. One per server process; used from one event loop."""

    def __init__(self) -> None:
        self._active: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, key: str) -> Turn:
        """The turn of a request of `key`, as soon as it has come. Raises `LimitReached`."""
        active = self._active.get(key, 0)
        if active < AT_ONCE:
            self._active[key] = active + 1
            return Turn(self, key)
        line = self._waiting.setdefault(key, deque())
        if len(line) >= MAX_WAITING:
            raise LimitReached(f"Your GitHub account has {MAX_WAITING} requests waiting here.", 5)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():
                # The turn came in the moment in which the client left.
                self.next(key)
            elif place in line:
                line.remove(place)
            raise
        return Turn(self, key)

    def next(self, key: str) -> None:
        """A turn is over: it goes to the request that has waited longest."""
        line = self._waiting.get(key)
        while line:
            place = line.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._waiting.pop(key, None)
        self._active[key] -= 1
        if not self._active[key]:
            del self._active[key]

    def __len__(self) -> int:
        """How many accounts have a request that is worked on."""
        return len(self._active)


class FairTurns:
    """ASGI middleware: gives each request its turn."""

    def __init__(self, app: ASGIApp, deps: Deps) -> None:
        self._app = app
        self._deps = deps
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits for the turn, then passes on."""
        request = Request(scope, receive)
        key = self._key(bearer_token(request))
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            turn = await self._turns.take(key)
        except LimitReached as limit:
            response = challenges.refusal(self._deps.config, request, limit)
            await response(scope, receive, send)
            return
        scope[_TURN] = turn

        async def send_and_end(message: Message) -> None:
            turn.end()
            await send(message)

        try:
            await self._app(scope, receive, send_and_end)
        finally:
            turn.end()

    def _key(self, bearer: str) -> str | None:
        """The account, where the token tells it, else the token. `None`: it needs no turn."""
        if not bearer:
            # Refused at once, or sent here by another process of ours, where it had its turn.
            return None
        if bearer.startswith(ACCESS_TOKEN_PREFIX):
            deps = self._deps
            try:
                opened = open_access_token(
                    deps.sealer, bearer, resource=deps.config.resource, now=int(deps.clock())
                )
            except SignInRequired:
                # Any text, or one that has expired. It is refused at once, and whoever brings the
                # second kind must not wait behind those who bring the first.
                return None
            return account_id(deps.config.github_web_url, opened.user_id)
        return hashlib.sha256(bearer.encode()).hexdigest()


def end_turn(request: Request) -> None:
    """The request is going to wait for something: others of its account may go on."""
    turn = request.scope.get(_TURN)
    if isinstance(turn, Turn):
        turn.end()
