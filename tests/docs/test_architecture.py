"""`docs/architecture.md` shows the layers, the files and the walks as they are."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "backend" / "src" / "gist_mcp"
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text()

IN_EVERY_WALK = {"config.py", "framework/placement.py", "origin.py"}
WHEN_A_LINE_IS_LOGGED = {
    "logs/context.py",
    "logs/event.py",
    "logs/forms.py",
    "logs/news.py",
    "logs/printing.py",
}
WHEN_SOMETHING_IS_MEASURED = {"telemetry/metrics.py", "telemetry/tracing.py"}
"""The page names them once, before the walks."""

WALKS = {
    "tutorial_sign_in": "A person signs in (the tutorial's flow)",
    "client_sign_in": "A client signs its user in",
    "tool_call": "A tool call",
}
"""The walk in `recorded_walks.py`, and its heading."""

PROGRAM_SECONDS = 150.0


def section(heading: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    assert found is not None, f"docs/architecture.md has no section {heading}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """What stands in backticks in the first cell of each row of a table."""
    return [
        names
        for cell in re.findall(r"^\| (.*?) \|", text, re.M)
        if (names := re.findall(r"`([^`]+)`", cell))
    ]


def test_the_layers_are_those_that_import_linter_checks() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (rooms,) = (
        contract
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["id"] == "rooms"
    )

    assert rows(section("Layers").partition("Outside of the package")[0]) == [
        [name.strip() for name in layer.split("|")] for layer in rooms["layers"]
    ]


def shown_files() -> list[str]:
    """The files of the tables, as paths below the package."""
    shown = [name for (name,) in rows(section("The package's own files"))]
    for room, purpose in re.findall(r"^### `(\w+)/`: (.*)$", PAGE, re.M):
        shown += [f"{room}/{name}" for (name,) in rows(section(f"`{room}/`: {purpose}"))]
    return shown


def real_files() -> list[str]:
    """The files of the package. An `__init__.py` counts if there is more in it than its purpose."""
    return [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not (path.name == "__init__.py" and path.read_text().count("\n") <= 1)
    ]


def test_every_file_is_described_once_and_no_other() -> None:
    assert sorted(shown_files()) == sorted(real_files())


def steps(heading: str) -> list[set[str]]:
    """For each step of a walk, the files that it names first."""
    named: set[str] = set()
    found = []
    for step in re.findall(r"^\d+\. (.*(?:\n   .*)*)", section(heading), re.M):
        files = set(re.findall(r"`([\w/-]+\.(?:py|html))`", step)) - named
        found.append(files)
        named |= files
    return found


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[str]]:
    """Which files each walk enters, in the order of their first calls."""
    paths = ["backend/src", "api", "."]
    # Envoy is one of the programs beside Python.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.docs.recorded_walks"],
        cwd=REPOSITORY,
        env={**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    files: dict[str, list[str]] = json.loads(ended.stdout.splitlines()[-1])
    return files


@pytest.mark.integration
@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_names_the_files_that_are_entered_in_their_order(
    recorded: dict[str, list[str]], walk: str
) -> None:
    named_before = IN_EVERY_WALK | WHEN_A_LINE_IS_LOGGED | WHEN_SOMETHING_IS_MEASURED
    entered = iter([file for file in recorded[walk] if file not in named_before])
    shown = steps(WALKS[walk])

    # Within a step, what is entered first may depend on which of two tasks runs first.
    walked = [{file for _, file in zip(step, entered, strict=False)} for step in shown]

    assert walked == shown
    assert list(entered) == [], "entered after the last step"


@pytest.mark.integration
def test_what_is_named_once_for_all_walks_is_entered_by_each(
    recorded: dict[str, list[str]],
) -> None:
    for files in recorded.values():
        assert set(files) >= IN_EVERY_WALK
    *others, last = (f"`{file}`" for file in sorted(IN_EVERY_WALK))
    once = f"Every walk enters {', '.join(others)} and {last}"
    assert once in " ".join(section("The walks").split())
