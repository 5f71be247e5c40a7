"""Before `/mcp`: each request waits for the turn of its account (`turns`), and gives it back."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gist_mcp.deps import Deps
from gist_mcp.errors import LimitReached, SignInRequired
from gist_mcp.http.body import announced_bytes, read_body
from gist_mcp.mcp_http import challenges
from gist_mcp.mcp_http.authentication import bearer_token
from gist_mcp.mcp_http.client_watch import ClientWatch
from gist_mcp.mcp_http.turns import UNREAD_BYTES, Turn, Turns
from gist_mcp.tokens.access_token import ACCESS_TOKEN_PREFIX, open_access_token
from gist_mcp.tokens.grants import account_id

_TURN: Final = "gist_mcp.turn"
"""Where a request's scope has its turn."""


class FairTurns:
    """ASGI middleware: gives each request its turn."""

    def __init__(self, app: ASGIApp, deps: Deps) -> None:
        self._app = app
        self._deps = deps
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Waits for the turn, then passes on. Raises `ClientDisconnect`."""
        client = ClientWatch(receive)
        try:
            await self._answer(scope, client, send)
        finally:
            client.stop()

    async def _answer(self, scope: Scope, client: ClientWatch, send: Send) -> None:
        request = Request(scope, client.receive)
        key = self._key(bearer_token(request))
        if key is None:
            await self._app(scope, client.receive, send)
            return
        client.begin()
        announced = announced_bytes(request)
        unread_bytes = UNREAD_BYTES if announced is None else min(announced, UNREAD_BYTES)
        try:
            turn = await self._turns.take(key, client, unread_bytes)
        except LimitReached as limit:
            response = challenges.refusal(self._deps.config, request, limit)
            await response(scope, client.receive, send)
            return
        scope[_TURN] = turn

        async def send_and_end(message: Message) -> None:
            turn.end()
            await send(message)

        try:
            await self._app(scope, client.receive, send_and_end)
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


async def read_body_between_turns(request: Request, limit_bytes: int) -> bytes:
    """As `http/body.py`. Others of the account may go on while the body is still on its way.

    Raises `LimitReached` too.
    """
    turn = request.scope.get(_TURN)
    if isinstance(turn, Turn):
        return await turn.read_body(request, limit_bytes)
    return await read_body(request, limit_bytes)


@contextlib.contextmanager
def others_meanwhile(request: Request, size_bytes: int) -> Iterator[None]:
    """The request waits for a call and holds `size_bytes`: others of its account may go on.

    Raises `LimitReached`.
    """
    turn = request.scope.get(_TURN)
    with turn.others_meanwhile(size_bytes) if isinstance(turn, Turn) else contextlib.nullcontext():
        yield
