"""An ordinary day of a deployment: people sign in, call tools, leave, and it is restarted.

What is played is what clients do every day. Nothing of it is a failure of this server.
"""

import contextlib
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
from mcp import ClientSession

from tests.support.github_simulator import FaultPoint, GitHubSimulator
from tests.support.mcp_client import ACCEPT, McpClient, RunningCall, ToolResult
from tests.support.oauth_client import OAuthClient
from tests.support.sdk_client import sdk_streams
from tests.support.sign_in import sign_in

CONTENT = "what only its owner reads"


class Site(Protocol):
    """A deployment that the day is played on, and its GitHub."""

    url: str
    github: GitHubSimulator

    def stop_politely(self) -> None:
        """As an operator does: SIGTERM to what was started."""

    def kill(self) -> None:
        """SIGKILL to every process."""

    def start(self) -> None:
        """The same deployment again. Returns when it serves."""

    def log(self) -> str:
        """Everything printed so far, by all starts."""


@dataclass
class Day:
    """What is left of it. `secrets` open something, or are a person's; none may be in the log."""

    secrets: list[str] = field(default_factory=list)
    results: dict[str, ToolResult] = field(default_factory=dict)


def play(site: Site, end: Callable[[], None]) -> Day:
    """The day. The site serves at the start, and does not at the end.

    `end` is what ends it in the middle: a stop or a kill.
    """
    day = Day(secrets=[CONTENT, site.github.control_key])
    strangers(site)
    token = signing_in(site, day)
    an_oauth_client(site, day)
    calls(site, day, token)
    leaving(site, token)
    going_astray(site, token)
    an_sdk_client(site, token)
    an_editor(site, token)
    trouble_at_github(site, day, token)
    restart(site, day, token, end)
    a_revoked_token(site)
    with listening(McpClient(f"{site.url}/mcp", token).open()):
        site.stop_politely()
    return day


def strangers(site: Site) -> None:
    """Pages, and requests without a token that opens anything."""
    with httpx.Client(base_url=site.url, trust_env=False) as stranger:
        assert stranger.get("/").status_code == 200
        assert stranger.get("/nothing-here").status_code == 404
        assert stranger.get("/oauth/callback", params={"code": "a", "state": "b"}).is_client_error
        assert stranger.post("/mcp", json={}).status_code == 401
        forged = {"Authorization": f"Bearer gho_{secrets.token_hex(18)}"}
        assert stranger.post("/mcp", json={}, headers=forged).status_code == 401


def signing_in(site: Site, day: Day) -> str:
    """One person changes their mind first, and signs in then. Returns the token."""
    with httpx.Client(base_url=site.url, headers={"Accept": "application/json"}) as browser:
        start = browser.get("/oauth/authorize")
        back = site.github.deny(start.headers["location"])
        assert browser.get(back).is_client_error
    token = sign_in(site.url, site.github).access_token
    day.secrets.append(token)
    return token


def an_oauth_client(site: Site, day: Day) -> None:
    """Registers, gets its tokens, renews them, and tries one that is used up."""
    client = OAuthClient(site.url)
    with httpx.Client(base_url=site.url, trust_env=False) as browser:
        page = browser.get(client.authorize_url)
        assert page.status_code == 200, page.text
        request = page.text.split('name="request" value="')[1].split('"')[0]
        to_github = browser.post(
            "/oauth/consent",
            data={"request": request, "decision": "approve"},
            headers={"Origin": site.url},
        )
        assert to_github.status_code in (302, 303), to_github.text
        back = browser.get(site.github.approve(to_github.headers["location"], account="hubot"))
        assert back.status_code in (302, 303), back.text
    query = parse_qs(urlsplit(back.headers["location"]).query)
    code = query["code"][0]
    first = client.redeem(code).json()
    second = client.refresh(first["refresh_token"]).json()
    day.secrets += [code, first["access_token"], first["refresh_token"]]
    day.secrets += [second["access_token"], second["refresh_token"], client.code_verifier]
    session = McpClient(f"{site.url}/mcp", second["access_token"]).open()
    assert not session.call("get_my_profile").wait().is_error
    session.delete()
    assert client.redeem(code).status_code == 400


def calls(site: Site, day: Day, token: str) -> None:
    """Reads, creates, repeats, refused arguments and a cancelled call."""
    client = McpClient(f"{site.url}/mcp", token).open()
    day.secrets.append(client.session_id)
    day.results["profile"] = client.call("get_my_profile").wait()
    day.results["list"] = client.call("list_my_gists").wait()
    key = secrets.token_hex(8)
    for name in ("created", "repeated"):
        day.results[name] = create(client, idempotency_key=key).wait()
    day.results["other arguments"] = create(client, "else", idempotency_key=key).wait()
    day.results["refused"] = client.call("create_gist", description=3).wait()
    day.results["unknown"] = client.call("make_coffee").wait()
    with held(site, "hang_before") as fault:
        cancelled = create(client, "cancelled")
        fault.wait_until_held()
        cancelled.wait_for_event()
        client.cancel(cancelled)
        cancelled.cut()
        fault.release()
    assert client.touch().status_code == 200


def leaving(site: Site, token: str) -> None:
    """Clients that end their session, with and without a call, and clients that just go."""
    polite = McpClient(f"{site.url}/mcp", token).open()
    with listening(polite):
        polite.delete()
    assert polite.touch().status_code == 404
    busy = McpClient(f"{site.url}/mcp", token).open()
    with held(site, "hang_before") as fault:
        call = create(busy, "ended with its session")
        fault.wait_until_held()
        call.wait_for_event()
        busy.delete()
        call.wait_until_broken()
    rude = McpClient(f"{site.url}/mcp", token).open()
    with listening(rude):
        pass
    with held(site, "hang_before") as fault:
        call = create(rude, "cut off")
        fault.wait_until_held()
        call.wait_for_event()
        call.cut()
        fault.release()
        call.resume()
        assert not call.wait().is_error


def going_astray(site: Site, token: str) -> None:
    """Clients with an old session, an old stream, half a message or none that is JSON."""
    url = f"{site.url}/mcp"
    client = McpClient(url, token).open()
    stranger = McpClient(url, token)
    stranger.session_id = secrets.token_hex(24)
    assert stranger.touch().status_code == 404
    with httpx.Client(timeout=30, trust_env=False, headers=client.headers) as http:
        accept = {"Accept": "text/event-stream", "Last-Event-ID": "old/old"}
        with http.stream("GET", url, headers=accept) as response:
            assert response.status_code in (200, 400, 404)
        headers = {"Accept": ACCEPT, "Content-Type": "application/json"}
        assert http.post(url, content=b"{", headers=headers).status_code == 400
    for path, kind in (
        ("/mcp", "application/json"),
        ("/oauth/token", "application/x-www-form-urlencoded"),
        ("/oauth/register", "application/json"),
    ):
        half_a_request(site, token, path, kind)
    # Gone before anything is answered.
    for _ in range(3):
        call = client.call("get_my_profile")
        call.wait_until_begun_or_broken()
        call.cut()
    assert client.touch().status_code == 200


def half_a_request(site: Site, token: str, path: str, content_type: str) -> None:
    """A client that goes before it has sent all of its request."""
    head = [
        f"POST {path} HTTP/1.1",
        f"Host: {site.url.partition('//')[2]}",
        f"Authorization: Bearer {token}",
        f"Accept: {ACCEPT}",
        f"Content-Type: {content_type}",
        "Content-Length: 100",
    ]
    with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2]))) as connection:
        connection.sendall(("\r\n".join(head) + "\r\n\r\n{").encode())


def an_editor(site: Site, token: str) -> None:
    """VS Code, which gets its results on a stream of its own."""
    client = McpClient(f"{site.url}/mcp", token, name="Visual Studio Code").open()
    calls = [client.call("get_my_profile") for _ in range(2)]
    for call in calls:
        call.wait_until_broken()
        if call.result is None:
            call.listen().wait()
    client.delete()


def an_sdk_client(site: Site, token: str) -> None:
    """The MCP SDK's client, which keeps a stream open and ends its session itself."""

    async def session() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            sdk_streams(f"{site.url}/mcp", headers=headers) as (reading, writing),
            ClientSession(reading, writing) as client,
        ):
            await client.initialize()
            assert (await client.list_tools()).tools
            assert not (await client.call_tool("get_my_profile")).isError
            await client.send_ping()

    anyio.run(session)


def trouble_at_github(site: Site, day: Day, token: str) -> None:
    """GitHub answers 502, and says that a limit is reached."""
    client = McpClient(f"{site.url}/mcp", token).open()
    fault = site.github.add_fault("status_before", method="GET", path="/gists.*", status=502)
    day.results["502"] = client.call("list_my_gists").wait()
    fault.remove()
    fault = site.github.add_fault("rate_limit_primary", method="GET", path="/gists.*")
    day.results["limit"] = client.call("list_my_gists").wait()
    fault.remove()


def restart(site: Site, day: Day, token: str, end: Callable[[], None]) -> None:
    """Ended in the middle of a call and with streams open, and started again."""
    client = McpClient(f"{site.url}/mcp", token).open()
    idle = McpClient(f"{site.url}/mcp", token).open()
    fault = site.github.add_fault("hang_after", method="POST", path="/gists", times=1)
    with listening(client), listening(idle):
        call = create(client, "interrupted")
        fault.wait_until_held()
        call.wait_for_event()
        end()
        call.wait_until_broken()
        site.start()
    site.github.remove_faults()
    # A client with two streams comes back with both at once.
    with listening(client):
        call.resume()
        day.results["interrupted"] = call.wait()
    assert idle.touch().status_code == 200
    idle.delete()


def a_revoked_token(site: Site) -> None:
    """The person takes the token back at GitHub while a session is open."""
    token = sign_in(site.url, site.github, account="monalisa").access_token
    client = McpClient(f"{site.url}/mcp", token).open()
    site.github.revoke_tokens("monalisa")
    call = client.call("get_my_profile")
    call.wait_until_broken()
    assert call.refused is not None or (call.result is not None and call.result.is_error)


def create(client: McpClient, description: str = "notes", **more: str) -> RunningCall:
    """A gist with little in it."""
    return client.call(
        "create_gist",
        description=description,
        filename="notes.md",
        content=f"{CONTENT}: {description}\n",
        public=False,
        **more,
    )


@contextlib.contextmanager
def held(site: Site, kind: str) -> Iterator[FaultPoint]:
    """GitHub holds the next `POST /gists`."""
    fault = site.github.add_fault(kind, method="POST", path="/gists", times=1)  # type: ignore[arg-type]
    try:
        yield fault
    finally:
        fault.remove()


@contextlib.contextmanager
def listening(client: McpClient) -> Iterator[None]:
    """A stream of the session is open, until its connection is lost without a word."""
    headers = {**client.headers, "Accept": "text/event-stream"}
    with (
        httpx.Client(timeout=30, trust_env=False) as http,
        http.stream("GET", client.url, headers=headers) as response,
    ):
        assert response.status_code == 200
        connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
        yield
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
