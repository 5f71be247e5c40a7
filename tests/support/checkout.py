"""The checkout: the files that belong to the project, and a copy of it that a test may change."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.deployment import REPOSITORY

DECLARATIONS = "api"
"""Among them lies the code that is generated from them."""


def tracked_files() -> list[Path]:
    """The project's files, relative to the checkout: those that git knows and that are there."""
    listed = subprocess.run(
        # In a container the checkout may belong to another user, which git refuses unless told.
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    return [path for path in paths if (REPOSITORY / path).is_file()]


def copy_checkout(folder: Path) -> Path:
    """Makes of `folder` a checkout that is set up: files, generated code, the same environment."""
    for path in tracked_files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / path, folder / path)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        REPOSITORY / DECLARATIONS, folder / DECLARATIONS, ignore=ignored, dirs_exist_ok=True
    )
    (folder / ".venv").symlink_to(sys.prefix)
    return folder
