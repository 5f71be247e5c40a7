"""The counts of one start lie in a temporary folder of their own, and killed ones leave none."""

import fcntl
import os
from pathlib import Path

from gist_mcp.telemetry.shared_folder import LOCK, PREFIX, remove_those_left_behind


def folder(parent: Path, name: str) -> Path:
    made = parent / f"{PREFIX}{name}"
    made.mkdir()
    (made / "counter_7.db").write_bytes(b"\0")
    return made


def test_a_folder_whose_process_has_ended_is_removed(tmp_path: Path) -> None:
    left = folder(tmp_path, "left")
    (left / LOCK).touch()

    remove_those_left_behind(tmp_path)

    assert not left.exists()


def test_a_folder_whose_process_runs_stays(tmp_path: Path) -> None:
    used = folder(tmp_path, "used")
    descriptor = os.open(used / LOCK, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    remove_those_left_behind(tmp_path)

    assert used.exists()
    os.close(descriptor)


def test_a_folder_that_is_being_made_and_those_of_others_stay(tmp_path: Path) -> None:
    beginning = folder(tmp_path, "beginning")
    (tmp_path / "something else").mkdir()

    remove_those_left_behind(tmp_path)

    assert beginning.exists()
    assert (tmp_path / "something else").exists()


def test_a_link_that_somebody_has_put_there_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (tmp_path / f"{PREFIX}nowhere").symlink_to(tmp_path / "nothing")
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)

    remove_those_left_behind(tmp_path)

    assert elsewhere.exists()
