"""The version stands in `gist_mcp/version.py`. Whatever else has it, has that one.

Where the server tells it: `tests/security/test_initialize.py` looks at `serverInfo`,
`tests/e2e/test_json_log.py` at `/healthz`, `/readyz` and the log, and
`tests/durability/test_rollback.py` at the log as text. `test_package.py` looks at the wheel.
"""

import re

import pytest

from gist_mcp.version import VERSION
from tests.support.checkout import tracked_files
from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration

REPEATED = re.compile(
    # The image's label, the image's tag where something runs it, and a chart's application.
    r"^ARG VERSION=(\S+)$|image\.version=\"?(\d[\w.]*)|github-gist-mcp:(\d[\w.]*)"
    r"|^appVersion: \"?(\d[\w.]*)",
    re.MULTILINE,
)
MAY_REPEAT_IT = {"server.json"}
"""For programs that read nothing of ours; `tests/docs/test_directory.py` compares it."""


def test_the_newest_changes_are_those_of_the_version() -> None:
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()

    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)

    assert re.fullmatch(rf"{re.escape(VERSION)} \((unreleased|\d{{4}}-\d\d-\d\d)\)", headings[0])


def test_the_version_is_written_in_one_place() -> None:
    ours = [path for path in tracked_files() if path.parts[0] not in ("tests", "requirements")]

    places = {str(path) for path in ours if f'"{VERSION}"' in (REPOSITORY / path).read_text()}

    assert places - MAY_REPEAT_IT == {"backend/src/gist_mcp/version.py"}


def test_what_is_deployed_by_a_version_names_this_one() -> None:
    texts = {
        str(path): (REPOSITORY / path).read_text()
        for path in tracked_files()
        if path.name == "Dockerfile" or path.suffix in (".yaml", ".yml", ".md")
    }

    named = {
        (path, version)
        for path, text in texts.items()
        for groups in REPEATED.findall(text)
        for version in filter(None, groups)
    }

    assert {(path, version) for path, version in named if version != VERSION} == set()


@pytest.mark.parametrize(
    "text",
    [
        "ARG VERSION=0.0.9",
        'LABEL org.opencontainers.image.version="0.0.9"',
        "    image: example.com/github-gist-mcp:0.0.9",
        'appVersion: "0.0.9"',
    ],
)
def test_a_version_that_stayed_behind_is_seen(text: str) -> None:
    (groups,) = REPEATED.findall(text)

    assert [version for version in groups if version] == ["0.0.9"]
