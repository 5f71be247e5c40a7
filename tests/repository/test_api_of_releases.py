"""State written by a release is read by those after it: Reboot's check, against the kept copies.

Reboot makes the check at every start, with what it has recorded of the last version that opened the
state. Here it is made before there is a release to refuse.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gist_mcp.version import VERSION
from scripts.keep_api import KEPT, keep, write_api
from tests.support.kept_api import described, incompatibilities, unreadable

RELEASES = sorted(path.name for path in KEPT.iterdir())
GRANT = "gist_state/v1/grant.proto"


@pytest.fixture
def now(tmp_path: Path) -> Path:
    """The declarations of this checkout, in Protocol Buffers."""
    folder = tmp_path / "now"
    write_api(folder)
    return folder


@pytest.fixture
def compare(tmp_path: Path) -> Callable[[Path, Path], list[str]]:
    """What is incompatible between two folders, the older one first."""

    def differences(older: Path, newer: Path) -> list[str]:
        return incompatibilities(described(older, tmp_path), described(newer, tmp_path))

    return differences


def text_of(folder: Path) -> dict[str, str]:
    """Each file below a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.proto")}


def test_the_copy_of_this_version_is_what_is_declared(now: Path) -> None:
    """If not: `.venv/bin/python scripts/keep_api.py`, after a look at what has changed."""
    assert text_of(KEPT / VERSION) == text_of(now)


def test_the_copy_of_a_released_version_is_not_written_again(tmp_path: Path) -> None:
    copy = keep(f"# Changelog\n\n## {VERSION} (unreleased)\n", tmp_path)
    (copy / GRANT).write_text("as it was released")

    with pytest.raises(SystemExit, match="raise the version"):
        keep(f"# Changelog\n\n## {VERSION} (2026-12-01)\n", tmp_path)

    assert (copy / GRANT).read_text() == "as it was released"


@pytest.mark.parametrize("release", RELEASES)
def test_state_of_a_release_is_read_by_this_version(
    release: str, now: Path, compare: Callable[[Path, Path], list[str]]
) -> None:
    assert compare(KEPT / release, now) == []


@pytest.mark.parametrize(
    ("stands", "changed", "reason"),
    [
        pytest.param(
            "optional double generation = 4;", "", "`generation` was deleted", id="a field is gone"
        ),
        pytest.param(
            "optional bool is_revoked = 6;",
            "optional string is_revoked = 6;",
            "`is_revoked` in message `GrantRecord` has switched type",
            id="a field has another type",
        ),
        pytest.param(
            "optional bool is_revoked = 6;",
            "optional bool is_revoked = 99;",
            "`is_revoked` was deleted",
            id="a field has another number",
        ),
        pytest.param(
            "optional bool is_revoked = 6;",
            "optional bool revoked = 6;",
            "`is_revoked` is called `revoked`",
            id="a field has another name",
        ),
        pytest.param("rpc Rotate(", "rpc Turn(", "Rotate` was deleted", id="a method is gone"),
        pytest.param(
            "message Grants {\n  option (rbt.v1alpha1.state) = {};",
            "message Grants {",
            "State `Grants` was deleted",
            id="a state is gone",
        ),
    ],
)
def test_a_change_that_older_state_does_not_survive_is_refused(
    stands: str, changed: str, reason: str, now: Path, compare: Callable[[Path, Path], list[str]]
) -> None:
    file = now / GRANT
    assert stands in file.read_text()
    file.write_text(file.read_text().replace(stands, changed))

    refused = compare(KEPT / VERSION, now)

    assert any(reason in each for each in refused), refused


def test_a_new_field_and_a_new_method_are_compatible(
    now: Path, compare: Callable[[Path, Path], list[str]]
) -> None:
    file = now / GRANT
    file.write_text(
        file.read_text()
        .replace("is_revoked = 6;", "is_revoked = 6;\n  optional string reason = 99;")
        .replace("service GrantsMethods {", "service GrantsMethods {\n" + NEW_METHOD)
    )

    assert compare(KEPT / VERSION, now) == []


@pytest.mark.parametrize("release", RELEASES)
def test_what_a_release_has_stored_is_read_by_this_code(release: str, tmp_path: Path) -> None:
    assert unreadable(described(KEPT / release, tmp_path)) == []


def test_a_new_field_that_is_not_optional_is_told(tmp_path: Path) -> None:
    """As if the release before had no `generation`, which is an `int` now."""
    older = tmp_path / "older"
    shutil.copytree(KEPT / VERSION, older)
    file = older / GRANT
    file.write_text(file.read_text().replace("optional double generation = 4;", "", 1))

    (told,) = unreadable(described(older, tmp_path))

    assert told.startswith("Grants: ('generation',)")


NEW_METHOD = """\
  rpc Count(GrantsLookUpRequest) returns (GrantsLookUpResponse) {
    option (rbt.v1alpha1.method) = { reader: {} };
  }
"""
