"""`/healthz`: this process serves. `/readyz`: so does what it needs.

Anybody may ask, without a token and by any `Host`, so an answer holds no secret and costs nothing:
what a part has said is remembered, and it is asked once at a time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gist_mcp.logs.event import event
from gist_mcp.version import VERSION

logger = logging.getLogger(__name__)

NO_STORE: Final = {"Cache-Control": "no-store"}

PROBE_SECONDS: Final = 3.0
"""A part that has not answered after this time is not ready."""

RETRY_SECONDS: Final = 5
"""When to ask again, after an answer that something is not ready."""


def healthz(_: Request) -> Response:
    """200 as soon as this process serves."""
    return JSONResponse({"status": "ok", "version": VERSION}, headers=NO_STORE)


class Part:
    """Something that this server needs. `ask` is true if it answers, and is given up after
    `PROBE_SECONDS`.

    A yes counts for `yes_seconds` and a no for `no_seconds`, by `clock`.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[bool]],
        clock: Callable[[], float],
        *,
        yes_seconds: float,
        no_seconds: float,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._seconds = {True: yes_seconds, False: no_seconds}
        self._answers: bool | None = None
        self._counts_until_seconds = 0.0
        self._asking = asyncio.Lock()

    async def answers(self, name: str) -> bool:
        """Whether it answers now, or did a moment ago. A change is logged under `name`."""
        async with self._asking:
            if self._answers is None or self._clock() >= self._counts_until_seconds:
                self._note(name, await self._asked())
                self._counts_until_seconds = self._clock() + self._seconds[bool(self._answers)]
            return bool(self._answers)

    async def _asked(self) -> bool:
        # Also for what stands before the question: a place among the connections to GitHub.
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return await self._ask()
        except TimeoutError:
            return False

    def _note(self, name: str, answers: bool) -> None:
        before, self._answers = self._answers, answers
        if not answers and before is not False:
            logger.warning(
                "not ready: %s does not answer", name, extra=event("not_ready", part=name)
            )
        elif answers and before is False:
            logger.info("ready again: %s answers", name, extra=event("ready_again", part=name))


class Readiness:
    """The endpoint `/readyz`: 200 if all parts answer, else 503."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts

    async def answer(self, _: Request) -> Response:
        """Names the parts, and which of them answer."""
        answers = await asyncio.gather(*(part.answers(name) for name, part in self._parts.items()))
        is_ready = all(answers)
        told = {
            name: "ok" if answered else "not ready"
            for name, answered in zip(self._parts, answers, strict=True)
        }
        return JSONResponse(
            {"status": "ready" if is_ready else "not ready", "version": VERSION, "parts": told},
            status_code=200 if is_ready else 503,
            headers=NO_STORE if is_ready else {**NO_STORE, "Retry-After": str(RETRY_SECONDS)},
        )
