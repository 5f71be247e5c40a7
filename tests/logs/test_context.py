"""Which request, or which call, a line belongs to."""

import asyncio

from gist_mcp.logs import context
from gist_mcp.logs.context import Subject, logging_for


def test_tasks_that_begin_in_a_request_belong_to_it_and_no_others() -> None:
    async def current_id() -> str | None:
        subject = context.current()
        return None if subject is None else subject.request_id

    async def requests() -> list[str | None]:
        with logging_for(Subject(request_id="one")):
            one = asyncio.create_task(current_id())
        with logging_for(Subject(request_id="two")):
            two = asyncio.create_task(current_id())
        return [await one, await two, await current_id()]

    assert asyncio.run(requests()) == ["one", "two", None]


def test_a_call_belongs_to_the_request_that_has_begun_it() -> None:
    with logging_for(Subject(request_id="a-request")):
        context.begins_call("a-call")

    subject = context.of_call("a-call")

    assert subject.request_id == "a-request"
    assert subject.fields == {"call_id": "a-call"}


def test_a_call_of_a_process_before_this_one_has_its_own_id() -> None:
    assert context.of_call("an-older-call").request_id == "an-older-call"


def test_ids_are_ours_and_different() -> None:
    assert len({context.new_request_id() for _ in range(1000)}) == 1000


def test_outside_of_a_request_nothing_is_noted() -> None:
    context.note(account_id=7)
    context.forwarded_as("id")

    assert context.current() is None
