"""Who comes while the server starts is asked to wait, and served as soon as it is there."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.deployment import Deployment
from tests.support.waiting import wait_until
from tests.support.world import TOKEN_KEY


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Not started. It is never asked anything about GitHub."""
    settings = {"GITHUB_CLIENT_ID": "a", "GITHUB_CLIENT_SECRET": "b", "TOKEN_KEYS": TOKEN_KEY}
    made = Deployment(tmp_path, settings)
    yield made
    made.kill()


def test_a_client_that_came_too_early_is_served_on_its_next_request(
    deployment: Deployment,
) -> None:
    # It keeps its connections, as most clients do.
    with httpx.Client(base_url=deployment.url, trust_env=False) as client:
        starting = threading.Thread(target=deployment.start)
        starting.start()
        answers: list[httpx.Response] = []

        def answered() -> bool:
            try:
                answers.append(client.get("/healthz"))
            except httpx.TransportError:
                return False
            return True

        wait_until("an answer", answered, seconds=60)
        starting.join()
        served = client.get("/healthz")

    early = answers[0]
    assert (early.status_code, early.headers["Retry-After"]) == (503, "1")
    assert served.status_code == 200
