"""VS Code and Cursor cannot be run here; what they send is repeated, request by request.

VS Code: its published source (`src/vs/base/common/oauth.ts`, `extHostAuthentication.ts`).
Cursor: its documents name the redirect addresses; the requests are those of the TypeScript SDK
that it uses. DurableMCP answers VS Code on the stream of a GET only, as that is the one which VS
Code takes up again after a lost connection.
"""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gist_mcp.oauth.pkce import s256_challenge
from tests.mcp_clients.person import Person, query_of
from tests.support.mcp_client import server_sent_events
from tests.support.world import World

CALL_ID = 2
ACCEPT_JSON = {"Accept": "application/json"}


@dataclass(frozen=True, kw_only=True)
class Editor:
    """What an editor registers, where it wants its answer, and what it calls itself."""

    registration: dict[str, Any]
    redirect_uri: str
    client_info: dict[str, str]
    protocol_version: str
    state: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(16)).decode())
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))


def vs_code(redirect_uri: str, **more: str) -> Editor:
    return Editor(
        registration={
            "client_name": "Visual Studio Code",
            "client_uri": "https://code.visualstudio.com",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [
                "https://insiders.vscode.dev/redirect",
                "https://vscode.dev/redirect",
                "http://127.0.0.1/",
                "http://127.0.0.1:33418/",
            ],
            "scope": "gist read:user",
            "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        redirect_uri=redirect_uri,
        client_info={"name": "Visual Studio Code", "version": "1.106.0"},
        protocol_version="2025-11-25",
        **more,
    )


def cursor(redirect_uri: str) -> Editor:
    return Editor(
        registration={
            "client_name": "Cursor",
            "client_uri": "https://cursor.com",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [redirect_uri],
            "token_endpoint_auth_method": "none",
        },
        redirect_uri=redirect_uri,
        client_info={"name": "cursor-vscode", "version": "1.0.0"},
        protocol_version="2025-06-18",
    )


EDITORS = {
    "VS Code": vs_code("http://127.0.0.1:33418/"),
    "VS Code, its port taken": vs_code("http://127.0.0.1:49152/"),
    "VS Code, by its web address": vs_code(
        "https://vscode.dev/redirect",
        state="vscode://dynamicauthprovider/localhost:9991/authorize?nonce=iBk1/w+A==",
    ),
    "Cursor": cursor("http://localhost:8787/callback"),
    "Cursor, older": cursor("cursor://anysphere.cursor-mcp/oauth/callback"),
    "Cursor, on the web": cursor("https://www.cursor.com/agents/mcp/oauth/callback"),
}


class AtWork:
    """An editor in front of the real server, with the connections that it keeps open."""

    def __init__(self, editor: Editor, here: World, http: httpx.Client) -> None:
        self._editor = editor
        self._here = here
        self._http = http
        self._metadata = self._discover()
        self._client_id = self._register()

    def _discover(self) -> dict[str, Any]:
        """From the 401 to the authorization server's metadata, as both go by."""
        refused = self.post_to_mcp("initialize", {}, None)
        assert refused.status_code == 401
        challenge = refused.headers["WWW-Authenticate"]
        assert 'scope="gist read:user"' in challenge
        url = challenge.partition('resource_metadata="')[2].partition('"')[0]
        resource = self._http.get(url, headers=ACCEPT_JSON).json()
        assert resource["resource"] == self._here.server.mcp_url
        (issuer,) = resource["authorization_servers"]
        found = self._http.get(
            f"{issuer}/.well-known/oauth-authorization-server",
            headers={**ACCEPT_JSON, "MCP-Protocol-Version": self._editor.protocol_version},
        )
        metadata: dict[str, Any] = found.json()
        return metadata

    def _register(self) -> str:
        registered = self._http.post(
            self._metadata["registration_endpoint"], json=self._editor.registration
        )
        assert registered.status_code == 201, registered.text
        assert "client_secret" not in registered.json()
        return str(registered.json()["client_id"])

    def sign_in(self) -> dict[str, Any]:
        """The tokens."""
        editor = self._editor
        query = {
            "client_id": self._client_id,
            "response_type": "code",
            "scope": "gist read:user",
            "code_challenge": s256_challenge(editor.code_verifier),
            "code_challenge_method": "S256",
            "resource": self._here.server.mcp_url,
            "redirect_uri": editor.redirect_uri,
            "state": editor.state,
        }
        url = httpx.URL(self._metadata["authorization_endpoint"], params=query)
        location = Person(world=self._here).answer(str(url))
        answer = query_of(location)
        assert location.partition("?")[0] == editor.redirect_uri
        assert answer["state"] == editor.state
        return self._ask_for_tokens(
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=editor.redirect_uri,
            code_verifier=editor.code_verifier,
        )

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """The next tokens."""
        return self._ask_for_tokens(grant_type="refresh_token", refresh_token=refresh_token)

    def _ask_for_tokens(self, **form: str) -> dict[str, Any]:
        answer = self._http.post(
            self._metadata["token_endpoint"],
            data={"client_id": self._client_id, **form},
            headers=ACCEPT_JSON,
        )
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def open_session(self, access_token: str) -> "Session":
        """An MCP session."""
        parameters = {
            "protocolVersion": self._editor.protocol_version,
            "capabilities": {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {}},
            "clientInfo": self._editor.client_info,
        }
        opened = self.post_to_mcp("initialize", parameters, access_token)
        assert opened.status_code == 200, opened.text
        ((_, initialized),) = server_sent_events(opened)
        assert initialized is not None
        version = initialized["result"]["protocolVersion"]
        session = Session(self, access_token, opened.headers["Mcp-Session-Id"], version)
        noted = session.post("notifications/initialized", None)
        assert noted.status_code == 202
        return session

    def login(self, access_token: str) -> str:
        """Asks in a session of its own whose it is."""
        session = self.open_session(access_token)
        with session.answers() as answers:
            answered = session.call("get_my_profile")
            return str(answers.result(answered)["login"])

    def post_to_mcp(
        self,
        method: str,
        parameters: dict[str, Any] | None,
        access_token: str | None,
        session: dict[str, str] | None = None,
    ) -> httpx.Response:
        headers = {"Accept": "text/event-stream, application/json", **(session or {})}
        if access_token is not None:
            headers["Authorization"] = f"Bearer {access_token}"
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        if parameters is not None:
            message |= {"id": 1 if method == "initialize" else CALL_ID, "params": parameters}
        return self._http.post(self._here.server.mcp_url, json=message, headers=headers)

    @contextmanager
    def listen(
        self, access_token: str, session: dict[str, str], last_event_id: str | None
    ) -> Iterator[httpx.Response]:
        """The stream of a GET. A client of its own, as the other may be waiting."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {access_token}"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        url = self._here.server.mcp_url
        with (
            httpx.Client(trust_env=False, timeout=30) as http,
            http.stream("GET", url, headers={**headers, **session}) as stream,
        ):
            assert stream.status_code == 200
            yield stream

    @property
    def is_vs_code(self) -> bool:
        """Whether answers come on the stream of a GET."""
        return self._editor.client_info["name"] == "Visual Studio Code"


class Session:
    """A session of an editor."""

    def __init__(
        self, at_work: AtWork, access_token: str, session_id: str, protocol_version: str
    ) -> None:
        self._at_work = at_work
        self._access_token = access_token
        self._headers = {
            "Mcp-Session-Id": session_id,
            "MCP-Protocol-Version": protocol_version,
        }

    def post(self, method: str, parameters: dict[str, Any] | None) -> httpx.Response:
        return self._at_work.post_to_mcp(method, parameters, self._access_token, self._headers)

    def call(self, tool: str, **arguments: object) -> httpx.Response:
        """Calls a tool."""
        return self.post("tools/call", {"name": tool, "arguments": arguments})

    @contextmanager
    def answers(self, last_event_id: str | None = None) -> Iterator["Answers"]:
        """Where answers to calls will be found."""
        if not self._at_work.is_vs_code:
            yield Answers(None)
            return
        with self._at_work.listen(self._access_token, self._headers, last_event_id) as stream:
            yield Answers(stream)


class Answers:
    """What comes back on the stream of a GET, or in the answer to a POST if there is none."""

    def __init__(self, stream: httpx.Response | None) -> None:
        self._events = server_sent_events(stream) if stream is not None else None

    def result(self, answered: httpx.Response) -> dict[str, Any]:
        """The structured result of the call that was answered so."""
        for _, message in self._events or server_sent_events(answered):
            if message is not None and message.get("id") == CALL_ID:
                structured: dict[str, Any] = message["result"]["structuredContent"]
                return structured
        raise AssertionError("the stream ended without the result")


@pytest.mark.parametrize("editor", EDITORS.values(), ids=EDITORS)
def test_it_signs_in_calls_a_tool_and_refreshes(editor: Editor, here: World) -> None:
    with httpx.Client(trust_env=False, timeout=30) as http:
        at_work = AtWork(editor, here, http)
        tokens = at_work.sign_in()
        called = at_work.login(tokens["access_token"])
        refreshed = at_work.refresh(tokens["refresh_token"])
        called_again = at_work.login(refreshed["access_token"])

    assert tokens["scope"] == "gist read:user"
    assert (called, called_again) == ("octocat", "octocat")
    assert refreshed["refresh_token"] != tokens["refresh_token"]
