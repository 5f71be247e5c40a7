"""Writes docs/tools.md from the tools themselves: `.venv/bin/python scripts/document_tools.py`.

A test holds the page against what this makes, so the two cannot drift apart.
"""

import inspect
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "tools.md"

sys.path[:0] = [str(REPOSITORY / "backend" / "src"), str(REPOSITORY / "api")]

from mcp.server.fastmcp.utilities.func_metadata import FuncMetadata, func_metadata  # noqa: E402

from gist_mcp.tools.registry import TOOLS, ToolEntry  # noqa: E402

HEADER = """# Tools

Made by `scripts/document_tools.py`; change the tools, not this page.

Every tool acts as the signed-in user and ends in one of two ways: its result, as JSON text and as
structured content, or an error whose text says what to do next.
"""


def document() -> str:
    """The whole page."""
    return "\n".join([HEADER, *(_section(entry) for entry in TOOLS)])


def _section(entry: ToolEntry) -> str:
    metadata = func_metadata(entry.function, skip_names=["context"])
    scopes = ", ".join(f"`{scope}`" for scope in sorted(entry.scopes)) or "none"
    hints = "reads only" if entry.annotations.readOnlyHint else "changes things"
    return "\n".join(
        [
            f"## `{entry.name}`",
            "",
            inspect.cleandoc(entry.function.__doc__ or ""),
            "",
            f"GitHub scopes: {scopes}. Hint to clients: {hints}.",
            "",
            *_arguments(metadata),
            *_results(metadata),
        ]
    )


def _arguments(metadata: FuncMetadata) -> list[str]:
    fields = metadata.arg_model.model_fields
    if not fields:
        return ["No arguments.", ""]
    rows = [
        f"| `{name}` | {'required' if field.is_required() else f'`{field.default!r}`'} "
        f"| {field.description or ''} |"
        for name, field in fields.items()
    ]
    return ["| argument | default | meaning |", "|---|---|---|", *rows, ""]


def _results(metadata: FuncMetadata) -> list[str]:
    schema: dict[str, Any] = metadata.output_schema or {}
    rows = [
        f"| `{name}` | {field.get('description', '')} |"
        for name, field in schema.get("properties", {}).items()
    ]
    return ["| result | meaning |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    PAGE.write_text(document())
