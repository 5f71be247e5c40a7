"""The rule on imports in `pyproject.toml`: import-linter refuses what it is there to refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = Path("backend", "src")

pytestmark = pytest.mark.integration


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources and of the rule."""
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / SOURCES, tmp_path / SOURCES, ignore=ignored)
    return tmp_path


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    """What the line of `make lint` does, in that copy."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(SOURCES), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_sources_keep_the_rule(checkout: Path) -> None:
    linted = lint_imports(checkout)

    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        pytest.param("gist_mcp/tokens/sealing.py", "gist_mcp.oauth.pkce", id="a lower room"),
        pytest.param("gist_mcp/errors.py", "gist_mcp.config", id="the lowest line"),
        pytest.param("gist_mcp/oauth/pkce.py", "gist_mcp.mcp_http.json_rpc", id="one line"),
        pytest.param("gist_mcp/pages/__init__.py", "gist_mcp.errors", id="the lowest line itself"),
        pytest.param("gist_mcp/simulator.py", "github_simulator.app", id="the simulator"),
        pytest.param("gist_mcp/process.py", "main", id="the script above the package"),
        pytest.param("gist_mcp/process.py", "tests", id="the tests"),
        pytest.param("github_simulator/app.py", "gist_mcp.errors", id="from the simulator"),
    ],
)
def test_an_import_against_the_rule_is_refused(
    checkout: Path, importer: str, imported: str
) -> None:
    file = checkout / SOURCES / importer
    file.write_text(f"{file.read_text()}\nimport {imported}\n")

    linted = lint_imports(checkout)

    module = importer.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert linted.returncode == 1
    assert f"{module} -> {imported}" in linted.stdout


def test_a_new_file_must_get_its_place_in_the_rule(checkout: Path) -> None:
    (checkout / SOURCES / "gist_mcp" / "extras.py").write_text("")

    linted = lint_imports(checkout)

    assert linted.returncode == 1
    assert "gist_mcp.extras" in linted.stdout
