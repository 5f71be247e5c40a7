"""Until a session's first request is being answered, its others wait; then they do not."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.first_request import FirstRequestAlone

SESSION = McpSessionId("s")
OTHER = McpSessionId("o")
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


class SlowToConnect:
    """An application like DurableMCP: unconnected until told, then it answers and stays open."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.connects = asyncio.Event()
        self.ends = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.arrived.append(scope["name"])
        await self.connects.wait()
        if scope["name"] != "broken":
            await send(START)
            await self.ends.wait()


async def receive() -> Message:
    return {"type": "http.disconnect"}


async def send(message: Message) -> None:
    assert message is START


async def settle() -> None:
    """Lets every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def play(*names: str) -> tuple[list[str], list[str]]:
    """Who arrived before the first was answered, and after."""

    async def run() -> tuple[list[str], list[str]]:
        app = SlowToConnect()
        contact = FirstRequestAlone(app)
        tasks = [
            asyncio.create_task(
                contact.deliver(
                    OTHER if name == "other" else SESSION, {"name": name}, receive, send
                )
            )
            for name in names
        ]
        await settle()
        before = list(app.arrived)
        app.connects.set()
        await settle()
        after = list(app.arrived)
        app.ends.set()
        await asyncio.gather(*tasks)
        return before, after

    return asyncio.run(run())


def test_the_second_waits_for_the_first_to_be_answered() -> None:
    before, after = play("first", "second", "third")

    assert before == ["first"]
    assert after == ["first", "second", "third"]


def test_sessions_do_not_wait_for_each_other() -> None:
    before, _ = play("first", "other")

    assert before == ["first", "other"]


def test_a_first_request_that_fails_lets_the_next_one_try() -> None:
    before, after = play("broken", "second")

    assert before == ["broken"]
    assert after == ["broken", "second"]


def test_a_session_that_is_forgotten_while_its_first_answer_goes_on_takes_the_next_request() -> (
    None
):
    async def run() -> list[str]:
        app = SlowToConnect()
        app.connects.set()
        contact = FirstRequestAlone(app)
        first = asyncio.create_task(contact.deliver(SESSION, {"name": "first"}, receive, send))
        await settle()
        contact.forget(SESSION)
        second = asyncio.create_task(contact.deliver(SESSION, {"name": "second"}, receive, send))
        await settle()
        app.ends.set()
        await asyncio.gather(first, second)
        return app.arrived

    assert asyncio.run(run()) == ["first", "second"]
