"""What the MCP registry and directories of clients are told, against their rules and the code."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from gist_mcp.sessions.durable_mcp import MCP_PATH
from gist_mcp.tools.registry import TOOLS, ToolEntry
from gist_mcp.version import VERSION
from scripts.document_tools import DIRECTORY, directory
from tests.support.deployment import REPOSITORY

SERVER: dict[str, Any] = json.loads((REPOSITORY / "server.json").read_text())
RULES: dict[str, Any] = json.loads(
    (REPOSITORY / "tests" / "contracts" / "mcp-server-json-rules.json").read_text()
)
MAX_TOOL_NAME_CHARACTERS = 64


def problems(server: dict[str, Any]) -> list[str]:
    return [error.message for error in Draft202012Validator(RULES).iter_errors(server)]


def test_the_rules_are_a_schema() -> None:
    Draft202012Validator.check_schema(RULES)


def test_the_registry_is_told_what_it_asks_for() -> None:
    assert problems(SERVER) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "github-gist-mcp"},
        {"description": "d" * 101},
        {"version": "^1.2.3"},
        {"$schema": "https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json"},
        {"remotes": []},
        {"remotes": [{"type": "streamable-http"}]},
        {"remotes": [{"type": "streamable-http", "url": "http://gists.example.com/mcp"}]},
        {"website_url": "https://gists.example.com"},
        {"repository": {"url": "https://git.example.com/gists"}},
    ],
)
def test_the_rules_refuse_what_the_registry_refuses(changed: dict[str, Any]) -> None:
    assert len(problems(SERVER | changed)) == 1


def test_the_registry_is_told_this_version() -> None:
    assert SERVER["version"] == VERSION


def test_an_address_of_a_deployment_is_made_of_what_its_person_is_asked_for() -> None:
    (remote,) = SERVER["remotes"]
    named = re.findall(r"\{([a-zA-Z_][a-zA-Z0-9_]*)\}", remote["url"])

    assert set(named) == set(remote["variables"])
    assert all(each["isRequired"] and each["description"] for each in remote["variables"].values())
    placeholders = {name: each["placeholder"] for name, each in remote["variables"].items()}
    assert remote["url"].format(**placeholders) == f"https://gists.example.com{MCP_PATH}"


def test_directories_are_told_the_titles_and_hints_of_the_tools() -> None:
    assert DIRECTORY.read_text() == directory(), "run: .venv/bin/python scripts/document_tools.py"


def test_the_page_says_of_the_server_what_the_registry_is_told() -> None:
    page = DIRECTORY.read_text()

    assert f"| name | {SERVER['title']} |" in page
    assert f"| in one line | {SERVER['description']} |" in page


@pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)
def test_a_tool_has_what_directories_ask_for(entry: ToolEntry) -> None:
    hints = entry.annotations.model_dump()

    assert entry.title
    assert re.fullmatch(rf"[a-z_]{{1,{MAX_TOOL_NAME_CHARACTERS}}}", entry.name)
    for hint in ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"):
        assert isinstance(hints[hint], bool)
    assert not (hints["readOnlyHint"] and hints["destructiveHint"])
