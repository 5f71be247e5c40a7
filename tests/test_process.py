"""A server process that ends closes its HTTP clients, and with them the connections to GitHub."""

import asyncio

import httpx

from gist_mcp.github.http import make_http_client
from gist_mcp.process import close_when_the_process_ends
from tests.github.raw_server import answer, raw_server


def test_clients_serve_until_the_loop_of_the_process_ends_and_are_closed_then() -> None:
    clients = [make_http_client(), make_http_client()]

    async def process() -> list[bool]:
        close_when_the_process_ends(*clients)
        async with raw_server(answer(200, {})) as server:
            for client in clients:
                assert (await client.get(server.url)).status_code == httpx.codes.OK
        return [client.is_closed for client in clients]

    closed_while_it_ran = asyncio.run(process())

    assert closed_while_it_ran == [False, False]
    assert [client.is_closed for client in clients] == [True, True]
