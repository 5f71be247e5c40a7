"""No token on disk, in no form: a whole life with canaries, then a search of every byte."""

import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gist_mcp.oauth import pkce
from gist_mcp.oauth.pkce import derived_verifier
from gist_mcp.tokens.code_and_refresh_token import open_refresh_token
from gist_mcp.tokens.sealing import Sealer
from tests.mcp_clients.person import query_of, read_form
from tests.security.canaries import forms, named, sightings
from tests.security.mcp_client import McpUser
from tests.security.state_export import exported_items
from tests.security.world import TOKEN_KEYS, World, running_world

pytestmark = pytest.mark.integration

REDIRECT_URI = "http://127.0.0.1:5555/callback"
CONTENT = "the content of a gist, which durable state may hold"


@dataclass
class Life:
    """What a life left behind, to be searched."""

    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    exports: list[bytes] = field(default_factory=list)
    places: dict[str, bytes] = field(default_factory=dict)

    def keep(self, answer: httpx.Response) -> httpx.Response:
        """Remembers an answer that must not show a secret."""
        head = b"".join(name + b": " + value + b"\n" for name, value in answer.headers.raw)
        self.answers.append(head + answer.content)
        return answer


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Sign-in, calls, GitHub's errors, a crash in the middle of a call, revocation."""
    folder = tmp_path_factory.mktemp("life")
    lived = Life()
    with running_world(folder, {"LOG_LEVEL": "DEBUG"}) as world:
        lived.secrets |= {
            "the client secret": world.github.client_secret,
            "the key": TOKEN_KEYS,
            "the front door's secret": Sealer([TOKEN_KEYS]).derive("reboot-front-door").hex(),
        }
        sign_in_and_refuse(world, lived)
        client = ClientLife("a client", world, lived)
        client.sign_in()
        client.refresh()
        client.revoke()
        world.github.configure(expiring_tokens=True)
        expiring = ClientLife("a client with expiring tokens", world, lived)
        expiring.sign_in()
        expiring.refresh_in_vain()
        expiring.refresh()
        user = calls_and_errors(world, lived)
        crash_in_a_call(world, user)
        expiring.refresh()
        lived.exports += [item.SerializeToString() for item in exported_items(world.app.port)]
        renew_and_revoke(world, lived, user)
        lived.exports += [item.SerializeToString() for item in exported_items(world.app.port)]
    lived.places |= {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    lived.places |= named("answer", lived.answers) | named("export", lived.exports)
    return lived


def sign_in_and_refuse(world: World, lived: Life) -> None:
    """The tutorial's sign-in, then the same once more with the used code and state."""
    with httpx.Client(
        base_url=world.app.url, headers={"Accept": "application/json"}, timeout=30
    ) as browser:
        start = browser.get("/oauth/authorize")
        state = parse_qs(urlsplit(start.headers["location"]).query)["state"][0]
        back = world.github.approve(start.headers["location"], account="octocat")
        signed_in = browser.get(back).json()
        lived.secrets |= {
            "the state": state,
            "the code": parse_qs(urlsplit(back).query)["code"][0],
            "the cookie": next(iter(browser.cookies.values())),
            "the PKCE verifier": derived_verifier(Sealer([TOKEN_KEYS]).derive("pkce"), state),
            "the token": signed_in["access_token"],
        }
        assert lived.keep(browser.get(back)).status_code == 400
        failed = browser.get("/oauth/authorize").headers["location"]
        again = world.github.approve(failed, account="octocat")
        world.github.add_fault("echo_token", path="/login/oauth/access_token|/user", times=2)
        lived.secrets["a code whose exchange fails"] = parse_qs(urlsplit(again).query)["code"][0]
        lived.keep(browser.get(again))
        world.github.remove_faults()


@dataclass
class ClientLife:
    """An OAuth client, its user's browser and its MCP session. `name` tells its secrets from
    another client's."""

    name: str
    world: World
    lived: Life
    client_id: str = ""
    refresh_token: str = ""
    user: McpUser | None = None

    def remember(self, **found: str) -> None:
        """Secrets of this client."""
        self.lived.secrets |= {f"{key} of {self.name}": value for key, value in found.items()}

    def sign_in(self) -> None:
        """The whole client's flow, up to a tool call with what it brings."""
        verifier = secrets.token_urlsafe(48)
        with httpx.Client(base_url=self.world.app.url, timeout=30) as browser:
            registration = {"redirect_uris": [REDIRECT_URI], "token_endpoint_auth_method": "none"}
            self.client_id = browser.post("/oauth/register", json=registration).json()["client_id"]
            request = {
                "client_id": self.client_id,
                "redirect_uri": REDIRECT_URI,
                "response_type": "code",
                "code_challenge": pkce.s256_challenge(verifier),
                "code_challenge_method": "S256",
                "state": "the-clients-own",
            }
            page = browser.get("/oauth/authorize", params=request, headers={"Accept": "text/html"})
            form = {**read_form(page.text), "decision": "approve"}
            to_github = browser.post("/oauth/consent", data=form).headers["location"]
            back = self.world.github.approve(to_github, account="octocat")
            to_client = browser.get(back).headers["location"]
            self.remember(
                verifier=verifier,
                githubs_state=query_of(to_github)["state"],
                githubs_code=query_of(back)["code"],
                code=query_of(to_client)["code"],
                cookie=next(iter(browser.cookies.values())),
            )
        self.redeem(query_of(to_client)["code"], verifier)

    def redeem(self, code: str, verifier: str) -> None:
        """The first pair, and a session with it."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        tokens = self.ask_for_tokens(**form, redirect_uri=REDIRECT_URI)
        self.user = McpUser.connect(
            self.world.app.mcp_url, tokens["access_token"], record=self.lived.keep
        )
        self.user.call("get_my_profile")

    def refresh(self) -> None:
        """The next pair, and a call in the same session with it."""
        assert self.user is not None
        tokens = self.ask_for_tokens(grant_type="refresh_token", refresh_token=self.refresh_token)
        self.user.token = tokens["access_token"]
        self.user.call("list_my_gists")

    def refresh_in_vain(self) -> None:
        """GitHub fails, and its answer repeats what it was sent."""
        self.world.github.add_fault("echo_token", status=503, path="/login/oauth/access_token")
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        failed = self.lived.keep(self.post("/oauth/token", form))
        self.world.github.remove_faults()
        assert failed.status_code >= 400

    def revoke(self) -> None:
        """The client's own end of it."""
        self.lived.keep(self.post("/oauth/revoke", {"token": self.refresh_token}))

    def ask_for_tokens(self, **form: str) -> dict[str, Any]:
        """A pair, which with all that is sealed in it is remembered as secret."""
        answer = self.post("/oauth/token", form)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        self.refresh_token = tokens["refresh_token"]
        number = sum(key.endswith(f"refresh_token of {self.name}") for key in self.lived.secrets)
        sealed = open_refresh_token(
            Sealer([TOKEN_KEYS]), self.refresh_token, resource=self.world.app.mcp_url, now=0
        ).granted.github
        inside = {"access": sealed.access.reveal()}
        if sealed.refresh is not None:
            inside["refresh"] = sealed.refresh.reveal()
        found = {
            "access_token": tokens["access_token"],
            "refresh_token": self.refresh_token,
            **{f"githubs_{key}": value for key, value in inside.items()},
        }
        self.remember(**{f"{number}. {key}": value for key, value in found.items()})
        return tokens

    def post(self, path: str, form: Mapping[str, str]) -> httpx.Response:
        """A request of the client."""
        given = {**form, "client_id": self.client_id}
        return httpx.post(f"{self.world.app.url}{path}", data=given, timeout=30)


def calls_and_errors(world: World, lived: Life) -> McpUser:
    """Every tool, and every tool again while GitHub's errors repeat the token."""
    user = McpUser.connect(world.app.mcp_url, lived.secrets["the token"], record=lived.keep)
    user.call("get_my_profile")
    user.call("list_my_gists")
    user.call("create_gist", description="a", filename="a.txt", content=CONTENT)
    for status in (400, 401, 403, 422, 500):
        world.github.add_fault("echo_token", status=status, times=None)
        lived.keep(user.send_tool("get_my_profile"))
        lived.keep(
            user.send_tool("create_gist", description="b", filename="b.txt", content=CONTENT)
            if status != 500
            else user.send_tool("list_my_gists")
        )
        world.github.remove_faults()
    # GitHub's 401 counts for a moment, though the token is good.
    user.token = lived.secrets["the token after the errors"] = world.token("octocat")
    return user


def crash_in_a_call(world: World, user: McpUser) -> None:
    """SIGKILL while GitHub holds the request; the call goes on when its owner comes back."""
    before = len(world.github.gists("octocat"))
    held = world.github.add_fault("hang_before", method="POST", path="/gists")

    def call() -> None:
        with suppress(httpx.HTTPError):
            user.send_tool("create_gist", description="c", filename="c.txt", content=CONTENT)

    caller = threading.Thread(target=call)
    caller.start()
    held.wait_until_held()
    world.app.kill()
    caller.join()
    world.github.remove_faults()
    world.app.start()
    user.call("get_my_profile")
    world.github.wait_for_requests(2, method="POST", path="/gists", timeout_seconds=60)
    assert len(world.github.gists("octocat")) <= before + 1


def renew_and_revoke(world: World, lived: Life, user: McpUser) -> None:
    """A second token on the same session, then both are revoked."""
    user.token = lived.secrets["the second token"] = world.token("octocat")
    user.call("list_my_gists")
    world.github.revoke_tokens("octocat")
    world.github.add_fault("echo_token", status=401, times=None)
    lived.keep(user.send_tool("list_my_gists"))
    world.github.remove_faults()
    stranger = lived.secrets["a stranger's token"] = f"gho_{'S' * 36}"
    assert lived.keep(httpx.get(world.app.mcp_url, headers=bearer(stranger))).status_code == 401


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_search_would_find_what_is_there(life: Life) -> None:
    for name, form in forms(CONTENT).items():
        assert sightings({"here": b"\x00" + form + b"\x01"}, {"it": CONTENT}), name
    assert sightings(life.places, {"the content": CONTENT})
    assert b"Z DEBUG " in life.places["application.log"]
    assert len(life.secrets) >= 30


def test_the_secrets_are_those_that_github_gave(life: Life) -> None:
    """Old and new: GitHub's tokens that expire are replaced by each refresh."""
    given = {
        (key.partition("githubs_")[2], value[:4])
        for key, value in life.secrets.items()
        if "githubs_access" in key or "githubs_refresh" in key
    }
    expiring = [value for key, value in life.secrets.items() if "expiring" in key]

    assert given == {
        ("access of a client", "gho_"),
        ("access of a client with expiring tokens", "gho_"),
        ("refresh of a client with expiring tokens", "ghr_"),
    }
    assert len({value for value in expiring if value.startswith("gho_")}) == 3
    assert len({value for value in expiring if value.startswith("ghr_")}) == 3


def test_no_secret_is_anywhere(life: Life) -> None:
    # The key that development makes for itself lies beside the state; this key was given.
    assert sightings(life.places, life.secrets) == []
