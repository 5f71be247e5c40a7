# mypy: ignore-errors
# Runs on other versions of the packages than the checker sees.
"""A program on the Python SDK, 1.x or 2.x, run by `tests.mcp_clients.driver`.

Arguments: the MCP URL, a folder for what it keeps, and `call` or `whole`.
"""

import asyncio
import http.server
import json
import pathlib
import subprocess
import sys
import threading
import urllib.parse

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from stages import run, told, wait_for_the_test

URL, FOLDER, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]


class Files:
    """The SDK's `TokenStorage`, as files."""

    async def get_tokens(self):
        return self._read("tokens", OAuthToken)

    async def set_tokens(self, tokens):
        self._write("tokens", tokens)

    async def get_client_info(self):
        return self._read("client", OAuthClientInformationFull)

    async def set_client_info(self, client_info):
        self._write("client", client_info)

    def _read(self, name, model):
        path = FOLDER / f"{name}.json"
        return model.model_validate_json(path.read_text()) if path.exists() else None

    def _write(self, name, value):
        (FOLDER / f"{name}.json").write_text(value.model_dump_json())


class Listener:
    """The loopback address that the browser comes back to."""

    def __init__(self):
        self.query = {}
        self.came_back = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query)
                outer.query = dict(pairs)
                self.send_response(200)
                self.end_headers()
                outer.came_back.set()

            def log_message(self, *_):
                """Quiet."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callback"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    async def open_browser(self, url):
        await asyncio.to_thread(subprocess.run, ["xdg-open", url], check=True)

    async def wait(self):
        await asyncio.to_thread(self.came_back.wait, 60)
        if "code" not in self.query:
            raise PermissionError(self.query.get("error", "no answer"))
        try:
            from mcp.client.auth import AuthorizationCodeResult
        except ImportError:
            return self.query["code"], self.query.get("state")
        return AuthorizationCodeResult(
            code=self.query["code"], state=self.query.get("state"), iss=self.query.get("iss")
        )


def connect(provider):
    """The transport with the SDK's authentication, by the name that this version has for it."""
    import mcp.client.streamable_http as transport

    if hasattr(transport, "streamablehttp_client"):
        return transport.streamablehttp_client(URL, auth=provider)
    http_client = transport.httpx2.AsyncClient(auth=provider, timeout=30)
    return transport.streamable_http_client(URL, http_client=http_client)


async def login(session):
    result = await session.call_tool("get_my_profile", {})
    return json.loads(result.content[0].text)["login"]


async def main():
    listener = Listener()
    metadata = OAuthClientMetadata(client_name="Python SDK", redirect_uris=[listener.url])
    files = Files()
    provider = OAuthClientProvider(URL, metadata, files, listener.open_browser, listener.wait)
    async with connect(provider) as streams, ClientSession(streams[0], streams[1]) as session:
        await session.initialize()
        told["called"] = await login(session)
        before = await files.get_tokens()
        told["scope"] = before.scope
        if STEP == "call":
            return
        await asyncio.to_thread(wait_for_the_test, FOLDER)
        told["after_the_kill"] = await login(session)
        # As it is an hour later. A new process would not know when its token runs out.
        provider.context.token_expiry_time = 1
        told["after_an_hour"] = await login(session)
        after = await files.get_tokens()
        told["refreshed"] = before.access_token != after.access_token


run(main)
