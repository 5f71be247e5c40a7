"""Stands before everything: logs each request, and makes the chosen ones go wrong."""

import asyncio
import logging
from email.utils import formatdate

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from github_simulator.control.exchange import BodyTooLarge, ClientLeft, Exchange, read_exchange
from github_simulator.control.fault_answers import fault_answer
from github_simulator.control.faults import Ending, Fault, HeldRequest
from github_simulator.control.request_log import LoggedRequest
from github_simulator.simulator import Simulator

CONTROL_PREFIX = "/_simulator"
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

log = logging.getLogger("github_simulator")


class FaultMiddleware:
    """Runs every request through the fault board; the control API is exempt."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = self._dated(send)
        try:
            exchange = await read_exchange(scope, receive, send)
        except ClientLeft:
            return
        except BodyTooLarge:
            await PlainTextResponse("Payload too large", 413)(scope, receive, send)
            return
        # A page on the internet that rebinds its name to a loopback address stays outside.
        host = exchange.headers.get("host", "")
        if _host_name(host) not in LOOPBACK_NAMES:
            await exchange.respond(PlainTextResponse("Only loopback host names are served", 421))
        elif exchange.path.split("/", 2)[1] == CONTROL_PREFIX[1:]:
            await exchange.answer(await self._process(exchange))
        else:
            await self._run_logged(exchange)

    def _dated(self, send: Send) -> Send:
        """Adds `Date` by the simulator's clock, which clients may compare with their own."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._simulator.clock.now(), usegmt=True).encode()
                message = {**message, "headers": [*message["headers"], (b"date", date)]}
            await send(message)

        return dated

    async def _run_logged(self, exchange: Exchange) -> None:
        entry = self._entry(exchange)
        self._simulator.requests.add(entry)
        fault = self._simulator.faults.take(exchange.method, exchange.path, entry.token_sha256)
        if fault is None:
            messages = await self._process(exchange)
            entry.status = _status(messages)
            await exchange.answer(messages)
        else:
            entry.status = await self._go_wrong(fault, exchange)
        self._simulator.requests.changes.announce()
        fault_name = f" fault={fault.rule.kind}" if fault else ""
        log.info("%s %s %s%s", entry.method, entry.path, entry.status or "-", fault_name)

    async def _process(self, exchange: Exchange) -> list[Message]:
        messages = await exchange.process(self._app)
        self._simulator.store.save_if_changed()
        return messages

    async def _go_wrong(self, fault: Fault, exchange: Exchange) -> int | None:
        """Do to the request what the fault says; returns the status sent, None if none was."""
        kind = fault.rule.kind
        if kind in ("hang_before", "hang_after"):
            return await self._hang(fault, exchange)
        if kind == "delay" and await self._wait(fault, exchange, fault.rule.seconds) != "released":
            await exchange.drop()
            return None
        if kind == "delay":
            messages = await self._process(exchange)
            await exchange.answer(messages)
            return _status(messages)
        if kind in ("reset_after", "status_after"):
            await self._process(exchange)
        if kind in ("reset_before", "reset_after"):
            await exchange.drop()
            return None
        response = fault_answer(fault.rule, exchange, self._simulator)
        await exchange.respond(response)
        return response.status_code

    async def _hang(self, fault: Fault, exchange: Exchange) -> int | None:
        """Hold the request before or after its effect, then answer it if anybody listens."""
        messages = await self._process(exchange) if fault.rule.kind == "hang_after" else None
        ending = await self._wait(fault, exchange, None)
        if ending == "dropped":
            await exchange.drop()
            return None
        if ending == "client_left":
            return None
        messages = messages or await self._process(exchange)
        await exchange.answer(messages)
        return _status(messages)

    async def _wait(self, fault: Fault, exchange: Exchange, seconds: float | None) -> Ending:
        """How holding the request ended; a time limit counts as its release."""
        board = self._simulator.faults
        held = board.hold(fault, exchange.method, exchange.path)
        leaving = asyncio.create_task(_end_when_client_leaves(exchange, fault, held))
        try:
            async with asyncio.timeout(seconds):
                return await held.ending
        except TimeoutError:
            return "released"
        finally:
            leaving.cancel()
            board.let_go(fault, held)

    def _entry(self, exchange: Exchange) -> LoggedRequest:
        # The query of a sign-in holds `state` and perhaps a code: not for a log.
        is_web = exchange.path.startswith(("/login/", "/settings/"))
        return LoggedRequest(
            number=0,
            method=exchange.method,
            path=exchange.path,
            query="" if is_web else exchange.scope["query_string"].decode("latin-1"),
            received_at=self._simulator.clock.now(),
            token_sha256=exchange.token_sha256,
            user_agent=exchange.headers.get("user-agent"),
            conditional="if-none-match" in exchange.headers,
        )


async def _end_when_client_leaves(exchange: Exchange, fault: Fault, held: HeldRequest) -> None:
    await exchange.client_left()
    if not fault.rule.outlives_client:
        held.end("client_left")


def _status(messages: list[Message]) -> int | None:
    return next((m["status"] for m in messages if m["type"] == "http.response.start"), None)


def _host_name(host: str) -> str:
    """The host without its port; an IPv6 address keeps its brackets."""
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    return name.lower()
