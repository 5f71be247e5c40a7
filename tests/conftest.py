"""What holds for every test: its lane, what it leaves unclosed, and how Hypothesis searches."""

import functools
import gc
import os
import ssl
from collections.abc import Generator
from pathlib import Path
from typing import Any

import certifi
import httpx
import httpx._transports.default as http_transports
import pytest
from hypothesis import HealthCheck, settings

from gist_mcp.framework.private_names import OWN_NUMBER_OF_SHARDS
from gist_mcp.framework.shards import use_number_of_shards
from tests.support import lanes
from tests.support.leftovers import collected, show_those_of_reboot

__all__ = ["collected"]

TESTS = Path(__file__).parent

# Every test of these folders is about running processes. Elsewhere the files say so themselves,
# or the tests of a file in which both kinds stand together.
INTEGRATION_FOLDERS = ("container", "durability", "e2e", "mcp_clients")

# No deadline: two cores shared with server processes make single examples slow now and then.
# No database: a failure must not depend on what an earlier run has left behind.
settings.register_profile(
    "dev", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# CI tries the same examples every time; new ones are found where somebody is there to look.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=2000)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "dev")
)
# What takes a minute or more, longest first: a worker that began with one of them near the end
# would work on alone. It goes with xdist's `--no-loadscope-reorder`, which keeps this order.
LONGEST_FIRST = (
    "mcp_clients/test_clients.py",
    "durability/test_fault_matrix.py",
    "security/test_strangers_cost_little.py",
    "durability/test_resume.py",
    "durability/test_cancel.py",
    "durability/test_polite_stop.py",
    "durability/test_soak.py",
    "container/test_container.py",
    "durability/test_state_size.py",
    "durability/test_reconnection.py",
    "servicers/test_sign_in.py",
    "security/test_rpc_surface.py",
    "security/test_repeated_ids.py",
    "security/test_fuzz_wire.py",
    "e2e/test_make_dev.py",
)

lanes.watch()


# httpx reads all certificates anew for each client, which takes 25 ms of a processor, and each
# `httpx.get` is a client. The servers of the tests speak plain HTTP.
@functools.cache
def _read_once(_certificates: str, **given: Any) -> ssl.SSLContext:
    return httpx.create_ssl_context(**given)


vars(http_transports)["create_ssl_context"] = lambda **given: _read_once(certifi.where(), **given)
# As the application has them. With Reboot's own number a runtime in this process starts slowly.
use_number_of_shards(OWN_NUMBER_OF_SHARDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that take longest first, and leaves the others as they are."""
    place = {TESTS / name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """Leaves what the imports have made out of every later collection (`leftovers.py`)."""
    gc.collect()
    gc.freeze()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Gives the tests of whole folders their markers."""
    show_those_of_reboot(item, TESTS)
    if item.path.relative_to(TESTS).parts[0] in INTEGRATION_FOLDERS:
        item.add_marker(lanes.INTEGRATION)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A unit test, with its fixtures, starts nothing that only integration tests may start."""
    with lanes.kept_in_its_lane(item):
        return (yield)
