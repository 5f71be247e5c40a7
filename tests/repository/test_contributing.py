"""The steps of CONTRIBUTING.md, carried out in a copy of the checkout, and its links."""

import os
import re
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.checkout import copy_checkout
from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration

PAGE = REPOSITORY / "CONTRIBUTING.md"
FIRST_CHANGE = "A first change: a tool that reads"
# What begins a block says what to do with it; the sentence before it may name a file.
BLOCK = re.compile(
    r"(?:Write\s+`(?P<path>[\w./]+)`:\n\n)?^ *```(?P<language>\w+)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A block of the page: a file to write, a change to apply, or commands to run."""

    language: str
    text: str
    path: str | None

    def follow(self, checkout: Path) -> None:
        """Does what the block says. Fails when that does not work."""
        match self.language:
            case "python":
                assert self.path is not None, f"no file is named for:\n{self.text}"
                assert not (checkout / self.path).exists(), self.path
                (checkout / self.path).write_text(self.text)
            case "diff":
                run(["git", "apply", "-"], checkout, given=self.text)
            case "sh":
                for line in self.text.splitlines():
                    run(line.split(), checkout)
            case other:
                raise AssertionError(f"a block of {other}")


def section(heading: str) -> str:
    """The text below a heading."""
    found = re.search(
        rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1]


def steps() -> list[Step]:
    """The blocks of the first change, in their order."""
    return [
        Step(
            language=found["language"],
            text=textwrap.dedent(found["text"]),
            path=found["path"],
        )
        for found in BLOCK.finditer(section(FIRST_CHANGE))
    ]


def run(command: list[str], checkout: Path, given: str = "") -> str:
    """What a command prints, run as a person runs it there. Fails unless it succeeds."""
    ours = ("PYTEST_", "GIT_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command,
        cwd=checkout,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


# It starts a server and the linter in a checkout that has no caches yet.
@pytest.mark.timeout(600)
def test_the_steps_make_a_tool_that_works(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    # Of its own, so that `git apply` does not take it for a part of another.
    run(["git", "init", "--quiet"], checkout)

    for step in steps():
        step.follow(checkout)

    assert "## `is_gist_starred`" in (checkout / "docs" / "tools.md").read_text()


def test_the_steps_test_the_tool_and_hold_the_page_against_it() -> None:
    commands = [step.text for step in steps() if step.language == "sh"]
    written = [step.path for step in steps() if step.path is not None]

    tests = [path for path in written if path.startswith("tests/")]

    assert tests
    assert all(path in "".join(commands) for path in [*tests, "tests/docs/test_tools.py"])


def test_the_example_is_no_tool_yet() -> None:
    """Or the steps would add what is there; then take another for the example."""
    written = [step.path for step in steps() if step.path is not None]

    assert [path for path in written if (REPOSITORY / path).exists()] == []


def test_links_and_rooms_are_there() -> None:
    page = PAGE.read_text()
    links = re.findall(r"\]\((?!https:)([^)#]+)", page)
    folders = re.findall(r"`([\w/.]+/)`", section("Where things go"))
    rooms = REPOSITORY / "backend" / "src" / "gist_mcp"

    assert [link for link in links if not (REPOSITORY / link).exists()] == []
    assert [
        folder
        for folder in folders
        if not (rooms / folder).is_dir() and not (REPOSITORY / folder).is_dir()
    ] == []


def test_every_room_has_its_row() -> None:
    rooms = {
        path.parent.name for path in (REPOSITORY / "backend/src/gist_mcp").glob("*/__init__.py")
    }

    named = set(re.findall(r"`(\w+)/`", section("Where things go")))

    assert rooms <= named


def test_every_command_of_make_is_there() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    named = set(re.findall(r"\bmake ([a-z-]+)", PAGE.read_text()))

    assert named <= targets
