"""No token on disk, in no form: a whole life with canaries, then a search of every byte."""

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gist_mcp.auth import pkce
from gist_mcp.auth.pkce import derived_verifier
from gist_mcp.auth.sealing import Sealer
from tests.clients.person import read_form
from tests.security.canaries import forms, named, sightings
from tests.security.mcp_client import McpUser
from tests.security.state_export import exported_items
from tests.security.world import TOKEN_KEYS, World, running_world

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
        sign_in_a_client(world, lived)
        user = calls_and_errors(world, lived)
        crash_in_a_call(world, user)
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
    with httpx.Client(base_url=world.app.url, headers={"Accept": "application/json"}) as browser:
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


def sign_in_a_client(world: World, lived: Life) -> None:
    """An OAuth client signs its user in, calls a tool, refreshes, calls again and revokes."""
    verifier = lived.secrets["the client's PKCE verifier"] = secrets.token_urlsafe(48)
    redirect_uri = "http://127.0.0.1:5555/callback"
    with httpx.Client(base_url=world.app.url) as browser:
        registration = {"redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}
        client_id = browser.post("/oauth/register", json=registration).json()["client_id"]
        request = {
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "code_challenge": pkce.s256_challenge(verifier),
            "code_challenge_method": "S256",
            "state": "the-clients-own",
        }
        page = browser.get("/oauth/authorize", params=request, headers={"Accept": "text/html"})
        form = read_form(page.text)
        sent = browser.post("/oauth/consent", data={**form, "decision": "approve"})
        back = world.github.approve(sent.headers["location"], account="octocat")
        code = parse_qs(urlsplit(browser.get(back).headers["location"]).query)["code"][0]
        lived.secrets["our code"] = code
        lived.secrets["the other cookie"] = next(iter(browser.cookies.values()))
        proof = {"client_id": client_id, "redirect_uri": redirect_uri, "code_verifier": verifier}
        first = browser.post(
            "/oauth/token", data={"grant_type": "authorization_code", "code": code, **proof}
        ).json()
        again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        user = McpUser.connect(world.app.mcp_url, first["access_token"], record=lived.keep)
        user.call("get_my_profile")
        second = browser.post("/oauth/token", data={**again, "client_id": client_id}).json()
        user.token = second["access_token"]
        user.call("list_my_gists")
        for name, tokens in (("first", first), ("second", second)):
            lived.secrets[f"the {name} access token"] = tokens["access_token"]
            lived.secrets[f"the {name} refresh token"] = tokens["refresh_token"]
        revoked = {"token": second["refresh_token"], "client_id": client_id}
        lived.keep(browser.post("/oauth/revoke", data=revoked))


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
    assert b"\nDEBUG " in life.places["application.log"]
    assert len(life.secrets) >= 16


def test_no_secret_is_anywhere(life: Life) -> None:
    # The key that development makes for itself lies beside the state; this key was given.
    assert sightings(life.places, life.secrets) == []
