"""What the tests of this folder share."""

import pytest

from gist_mcp.framework import placement
from tests.oauth.site_fixtures import run, runtime, site

__all__ = ["run", "runtime", "site"]


@pytest.fixture(autouse=True)
def own_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoints own no account, whatever servers other tests have had in this process."""
    monkeypatch.setattr(placement, "_here", {})
