"""The page on what the server offers, and the schemas themselves, are what the code says."""

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.document_tools import OFFER, PAGE, document, fingerprint, offer, offer_text

COMMAND = "run: .venv/bin/python scripts/document_tools.py"


def described(schema: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """Every argument of a schema, on every level, with its description."""
    for name, field in schema.get("properties", {}).items():
        yield f"{place}.{name}", field.get("description", "")
        yield from described(field.get("items", {}), f"{place}.{name}[]")


def test_the_tools_page_is_up_to_date() -> None:
    assert PAGE.read_text() == document(), COMMAND


def test_no_schema_has_changed_without_being_recorded() -> None:
    assert OFFER.read_text() == offer_text(), COMMAND


def test_the_published_fingerprint_is_that_of_the_schemas() -> None:
    assert f"Fingerprint: `{fingerprint(offer())}`" in PAGE.read_text()


def test_the_fingerprint_does_not_depend_on_the_order_of_members_and_does_on_a_word() -> None:
    one = {"tools": [{"name": "a", "title": "b"}]}

    assert fingerprint(one) == fingerprint({"tools": [{"title": "b", "name": "a"}]})
    assert fingerprint(one) != fingerprint({"tools": [{"name": "a", "title": "c"}]})


@pytest.mark.parametrize("tool", offer()["tools"], ids=lambda tool: tool["name"])
def test_a_tool_says_what_a_model_needs(tool: dict[str, Any]) -> None:
    undescribed = [
        place for place, text in described(tool["inputSchema"], tool["name"]) if not text
    ]

    assert tool["title"]
    assert tool["description"]
    assert "\n " not in tool["description"]
    assert undescribed == []
    assert tool["outputSchema"]["type"] == "object"
    assert set(tool["annotations"]) == {
        "readOnlyHint",
        "destructiveHint",
        "idempotentHint",
        "openWorldHint",
    }
