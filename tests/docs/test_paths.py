"""Every path that a page names is there."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = [
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted(REPOSITORY.glob("*.md")),
]
# From where a page may name a file.
ROOTS = ["", "docs", "backend/src", "backend/src/gist_mcp", "tests/security"]
SUFFIXES = "py|md|mjs|html|css|js|svg|json|in|lock|txt|toml|yml|yaml"
NAMED = re.compile(
    # In backticks: a path with a suffix, or a folder of the repository.
    rf"`((?:[\w.-]+/)*[\w.-]+\.(?:{SUFFIXES})|(?:\.ci|api|backend|deploy|docs|examples|requirements|"
    r"scripts|tests)/[\w./-]*)`"
    # Links to files of the repository.
    r"|\]\(((?!https?:|#)[^)#\s]+)(?:#[^)]*)?\)"
)
# On the machine of whoever runs a client or the server.
ELSEWHERE = {".vscode/mcp.json", ".rbt/github-simulator.json", "build/sbom.cdx.json"}
# What a reader of CONTRIBUTING.md writes; test_contributing.py follows the steps.
TO_BE_WRITTEN = re.compile(r"Write\s+`[\w./-]+`:")
# The tables of files in architecture.md name each below its room; test_architecture.py checks them.
ROW_OF_A_ROOM = re.compile(r"^\| `[\w./-]+` \| .*$", re.MULTILINE)


def named_paths(page: Path) -> set[str]:
    """What a page names as a file or folder of this repository."""
    text = TO_BE_WRITTEN.sub("", page.read_text())
    if page.name == "architecture.md":
        text = ROW_OF_A_ROOM.sub("", text)
    return {code or link for code, link in NAMED.findall(text)} - ELSEWHERE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    missing = {
        path
        for path in named_paths(page)
        if not any((REPOSITORY / root / path).exists() for root in ROOTS)
    }

    assert missing == set()


def test_pages_name_paths() -> None:
    assert {"oauth/authorize.py", "durability.md"} <= named_paths(
        REPOSITORY / "docs" / "architecture.md"
    )
