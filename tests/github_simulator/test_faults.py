"""Fault points: what the client sees, and what GitHub did all the same."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import FaultKind, GitHubSimulator

GIST = {"files": {"a": {"content": "x"}}}


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def create_gist(client: httpx.Client) -> httpx.Response:
    return client.post("/gists", json=GIST)


@pytest.mark.parametrize(("kind", "gists"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_loses_the_answer(
    github: GitHubSimulator, octocat: httpx.Client, kind: FaultKind, gists: int
) -> None:
    github.add_fault(kind, method="POST", path="/gists")

    with pytest.raises(httpx.TransportError):
        create_gist(octocat)

    assert len(github.gists("octocat")) == gists
    assert github.requests("POST", "/gists")[0].status is None
    assert create_gist(octocat).status_code == 201


@pytest.mark.parametrize(("kind", "gists"), [("status_before", 0), ("status_after", 1)])
def test_a_status_replaces_the_answer(
    github: GitHubSimulator, octocat: httpx.Client, kind: FaultKind, gists: int
) -> None:
    github.add_fault(kind, method="POST", path="/gists", status=503, body="<h1>Unicorn!</h1>")

    answer = create_gist(octocat)

    assert (answer.status_code, answer.text) == (503, "<h1>Unicorn!</h1>")
    assert len(github.gists("octocat")) == gists


@pytest.mark.parametrize(("kind", "gists"), [("hang_before", 0), ("hang_after", 1)])
def test_a_held_request_goes_on_when_released(
    github: GitHubSimulator,
    octocat: httpx.Client,
    background: ThreadPoolExecutor,
    kind: FaultKind,
    gists: int,
) -> None:
    fault = github.add_fault(kind, method="POST", path="/gists")

    answer = background.submit(create_gist, octocat)
    fault.wait_until_held()
    assert len(github.gists("octocat")) == gists
    fault.release()

    assert answer.result(10).status_code == 201
    assert len(github.gists("octocat")) == 1
    assert fault.held == 0


@pytest.mark.parametrize(("kind", "gists"), [("hang_before", 0), ("hang_after", 1)])
def test_a_held_request_can_be_dropped(
    github: GitHubSimulator,
    octocat: httpx.Client,
    background: ThreadPoolExecutor,
    kind: FaultKind,
    gists: int,
) -> None:
    fault = github.add_fault(kind, method="POST", path="/gists")

    answer = background.submit(create_gist, octocat)
    fault.wait_until_held()
    fault.drop()

    assert isinstance(answer.exception(10), httpx.TransportError)
    assert len(github.gists("octocat")) == gists


def test_a_held_request_ends_with_its_client(github: GitHubSimulator) -> None:
    fault = github.add_fault("hang_before", path="/gists")

    with (
        api_client(github, github.create_token()) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.post("/gists", json=GIST, timeout=0.2)

    fault.wait_until_free()
    assert fault.fired == 1
    assert github.gists("octocat") == []


def test_a_request_can_outlive_its_client(github: GitHubSimulator) -> None:
    fault = github.add_fault("hang_before", path="/gists", outlives_client=True)
    with (
        api_client(github, github.create_token()) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.post("/gists", json=GIST, timeout=0.2)
    fault.wait_until_held()

    fault.release()
    fault.wait_until_free()

    assert len(github.gists("octocat")) == 1


def test_several_requests_can_be_awaited_at_once(
    github: GitHubSimulator, octocat: httpx.Client, background: ThreadPoolExecutor
) -> None:
    fault = github.add_fault("hang_before", path="/user", times=None)

    answers: list[Future[httpx.Response]] = [
        background.submit(octocat.get, "/user") for _ in range(3)
    ]
    fault.wait_until_held(3)
    fault.release()

    assert [answer.result(10).status_code for answer in answers] == [200, 200, 200]


def test_waiting_in_vain_ends(github: GitHubSimulator) -> None:
    fault = github.add_fault("hang_before", path="/user")

    with pytest.raises(TimeoutError):
        fault.wait_until_held(timeout_seconds=0.05)


def test_a_delay_ends_by_itself_or_by_release(
    github: GitHubSimulator, octocat: httpx.Client, background: ThreadPoolExecutor
) -> None:
    github.add_fault("delay", path="/user", seconds=0.05)
    assert octocat.get("/user").status_code == 200

    fault = github.add_fault("delay", path="/user", seconds=600)
    answer = background.submit(octocat.get, "/user")
    fault.wait_until_held()
    fault.release()

    assert answer.result(10).status_code == 200


def test_a_fault_counts_skips_and_ends(github: GitHubSimulator, octocat: httpx.Client) -> None:
    fault = github.add_fault("status_before", path="/user", skip=1, times=2)

    statuses = [octocat.get("/user").status_code for _ in range(4)]

    assert statuses == [200, 502, 502, 200]
    assert fault.fired == 2


def test_a_fault_can_be_for_one_token(
    github: GitHubSimulator, octocat: httpx.Client, hubot: httpx.Client
) -> None:
    token = octocat.headers["authorization"].removeprefix("Bearer ")
    digest = hashlib.sha256(token.encode()).hexdigest()
    github.add_fault("status_before", token_sha256=digest, times=None)

    assert hubot.get("/user").status_code == 200
    assert octocat.get("/user").status_code == 502


def test_the_path_pattern_is_for_the_whole_path_without_prefix(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.add_fault("status_before", path="/gists")

    assert octocat.get("/gists/starred").status_code == 200
    assert octocat.get("/api/v3/gists").status_code == 502


def test_a_primary_limit_says_when_it_ends(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.add_fault("rate_limit_primary", path="/user", seconds=42)
    now = github.create_gists("octocat", {"a": "x"})[0].created_at

    answer = octocat.get("/user")

    assert answer.status_code == 403
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert 40 <= int(answer.headers["x-ratelimit-reset"]) - now <= 44
    assert answer.json()["message"] == "API rate limit exceeded for user ID 583231."


@pytest.mark.parametrize("retry_after", [None, 7])
def test_a_secondary_limit_may_say_when_it_ends(
    github: GitHubSimulator, octocat: httpx.Client, retry_after: int | None
) -> None:
    github.add_fault("rate_limit_secondary", status=429, retry_after_seconds=retry_after)

    answer = octocat.get("/user")

    assert answer.status_code == 429
    assert "secondary rate limit" in answer.json()["message"]
    assert answer.headers.get("retry-after") == (str(retry_after) if retry_after else None)


def test_an_answer_can_echo_the_token(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.add_fault("echo_token", path="/user", status=401)

    answer = octocat.get("/user")

    assert answer.status_code == 401
    assert octocat.headers["authorization"] in answer.text


def test_the_sign_in_can_go_wrong_too(github: GitHubSimulator) -> None:
    github.add_fault("reset_before", path="/login/oauth/access_token")

    with pytest.raises(httpx.TransportError):
        httpx.post(f"{github.url}/login/oauth/access_token")


def test_requests_are_logged_with_the_tokens_digest_only(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    octocat.get("/api/v3/gists", params={"per_page": 5})
    token = octocat.headers["authorization"].removeprefix("Bearer ")

    [entry] = github.wait_for_requests(path="/gists")

    assert entry.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert (entry.method, entry.path, entry.query) == ("GET", "/gists", "per_page=5")
    assert entry.user_agent == "tests"


def test_a_reset_drops_held_requests(
    github: GitHubSimulator, octocat: httpx.Client, background: ThreadPoolExecutor
) -> None:
    fault = github.add_fault("hang_before", path="/user")
    answer = background.submit(octocat.get, "/user")
    fault.wait_until_held()

    github.reset()

    assert isinstance(answer.exception(10), httpx.TransportError)


@pytest.mark.parametrize("key", [None, "wrong"])
def test_control_needs_its_key(github: GitHubSimulator, key: str | None) -> None:
    headers = {} if key is None else {"x-simulator-key": key}

    assert httpx.post(f"{github.url}/_simulator/reset", headers=headers).status_code == 403


def test_a_misspelt_control_call_is_refused(github: GitHubSimulator) -> None:
    with pytest.raises(AssertionError, match="422"):
        github.configure(expiring_token=True)
    with pytest.raises(AssertionError, match="422"):
        github.add_fault("delay", path="(")
