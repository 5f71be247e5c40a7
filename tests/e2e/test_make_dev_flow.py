"""A newcomer's first minutes: `make dev`, sign in at the embedded simulator, use the token."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.consent_form import answer_consent
from tests.support.deployment import REPOSITORY
from tests.support.make_dev import STOP_SECONDS, MakeDev


def example(mcp_url: str, token: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/client.py", token],
        cwd=REPOSITORY,
        env={**os.environ, "GIST_MCP_URL": mcp_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_newcomer_signs_in_over_a_restart_and_makes_a_gist(tmp_path: Path) -> None:
    server = MakeDev(tmp_path)
    try:
        server.wait_until_serving()
        url = f"http://localhost:{server.port}"
        with httpx.Client(base_url=url, headers={"Accept": "application/json"}) as person:
            start = person.get("/oauth/authorize")
            back = answer_consent(start.headers["location"], "approve", "octocat", None)
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(STOP_SECONDS)
            server = MakeDev(tmp_path, after=server)
            server.wait_until_serving()
            token = person.get(back).json()["access_token"]
        run = example(f"{url}/mcp", token)
        refused = example(f"{url}/mcp", "gho_mistyped")
    finally:
        server.clean_up()

    assert run.returncode == 0, run.stderr
    # What the server says, and not a traceback of the SDK.
    assert refused.returncode == 1
    assert "The server answered 401" in refused.stderr
    assert "error_description" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert '"created_by": "octocat"' in run.stdout
    assert "GITHUB IS SIMULATED" in server.log()
    assert token not in server.log()
