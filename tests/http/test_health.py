"""`/healthz` and `/readyz`: what they tell, and what it costs."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.http.health import Part, Readiness, healthz
from gist_mcp.version import VERSION

REQUEST = Request({"type": "http"})


class Asked:
    """A part that is asked: gives one answer after the other, the last for ever."""

    def __init__(self, *answers: bool) -> None:
        self.times = 0
        self.at_once = 0
        self._answers = answers
        self.now = 0.0

    async def ask(self) -> bool:
        """The next answer."""
        self.at_once += 1
        assert self.at_once == 1
        await asyncio.sleep(0)
        self.at_once -= 1
        self.times += 1
        return self._answers[min(self.times, len(self._answers)) - 1]

    def part(self) -> Part:
        """A part whose clock the test sets."""
        return Part(self.ask, lambda: self.now, yes_seconds=60, no_seconds=5)


def ready(*parts: tuple[str, Part]) -> Callable[[], Awaitable[Response]]:
    """Asks the endpoint."""
    endpoint = Readiness(dict(parts))
    return lambda: endpoint.answer(REQUEST)


def test_alive_tells_the_version() -> None:
    assert json.loads(bytes(healthz(REQUEST).body)) == {"status": "ok", "version": VERSION}


def test_a_part_that_does_not_answer_in_time_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it waits for, before it has asked too."""
    monkeypatch.setattr("gist_mcp.http.health.PROBE_SECONDS", 0.01)

    async def for_ever() -> bool:
        await asyncio.Event().wait()
        return True

    part = Part(for_ever, lambda: 0.0, yes_seconds=60, no_seconds=5)

    assert asyncio.run(_awaited(ready(("github", part)))).status_code == 503


def test_ready_where_all_parts_answer() -> None:
    answer = asyncio.run(
        _awaited(ready(("state", Asked(True).part()), ("github", Asked(True).part())))
    )

    assert answer.status_code == 200
    assert json.loads(bytes(answer.body)) == {
        "status": "ready",
        "version": VERSION,
        "parts": {"state": "ok", "github": "ok"},
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("silent", ["state", "github"])
def test_not_ready_names_the_part_that_does_not_answer(silent: str) -> None:
    parts = [(name, Asked(name != silent).part()) for name in ("state", "github")]

    answer = asyncio.run(_awaited(ready(*parts)))

    assert answer.status_code == 503
    body = json.loads(bytes(answer.body))
    assert body["status"] == "not ready"
    assert [name for name, told in body["parts"].items() if told != "ok"] == [silent]
    assert int(answer.headers["retry-after"]) > 0


def test_many_who_ask_cost_one_question_and_a_yes_counts_for_a_while() -> None:
    asked = Asked(True)
    ask = ready(("github", asked.part()))

    async def flood() -> list[int]:
        first = await asyncio.gather(*(ask() for _ in range(50)))
        asked.now = 59.0
        return [answer.status_code for answer in (*first, await ask())]

    assert set(asyncio.run(flood())) == {200}
    assert asked.times == 1


def test_after_a_while_it_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    asked = Asked(True, False, True)
    ask = ready(("github", asked.part()))

    async def one_minute_after_the_other() -> list[int]:
        statuses = []
        for now in (0.0, 60.0, 64.0, 65.0):
            asked.now = now
            statuses.append((await ask()).status_code)
        return statuses

    assert asyncio.run(one_minute_after_the_other()) == [200, 503, 503, 200]
    assert caplog.messages == [
        "not ready: github does not answer",
        "ready again: github answers",
    ]


async def _awaited(ask: Callable[[], Awaitable[Response]]) -> Response:
    return await ask()
