"""Closing HTTP clients when a server process ends.

Reboot's web framework runs no lifespan events of a mounted application. But it runs each
process under `asyncio.run`, which cancels the tasks that are left at the end and waits for
them: a task that sleeps until then is our shutdown hook.
"""

import asyncio

import httpx

_closers: set[asyncio.Task[None]] = set()
"""The event loop keeps only weak references to tasks."""


def close_when_the_process_ends(*clients: httpx.AsyncClient) -> None:
    """Closes the clients when the running event loop shuts down."""
    closer = asyncio.get_running_loop().create_task(
        _close_at_the_end(clients), name="close HTTP clients at the end"
    )
    _closers.add(closer)
    closer.add_done_callback(_closers.discard)


async def _close_at_the_end(clients: tuple[httpx.AsyncClient, ...]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        for client in clients:
            await client.aclose()
