"""`make lint` and pre-commit run the same commands."""

import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration

SET_UP = "exec scripts/set-up "


def commands_of_make_lint() -> list[str]:
    """What `make lint` would run, without what sets it up."""
    printed = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "lint"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in printed.splitlines() if not line.startswith(SET_UP)]


def hooks() -> list[dict[str, Any]]:
    configuration = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    return [hook for repository in configuration["repos"] for hook in repository["hooks"]]


def test_pre_commit_runs_the_commands_of_make_lint() -> None:
    assert [hook["entry"] for hook in hooks()] == commands_of_make_lint()


def test_each_check_sees_the_whole_checkout_with_the_tools_of_the_lock() -> None:
    for hook in hooks():
        assert " .venv/bin/" in f" {hook['entry']}"
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False
