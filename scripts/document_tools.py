"""Writes docs/tools.md from the tools themselves: `.venv/bin/python scripts/document_tools.py`.

A test holds the page against what this makes, so the two cannot drift apart.
"""

import inspect
import json
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "tools.md"

sys.path[:0] = [str(REPOSITORY / "backend" / "src"), str(REPOSITORY / "api")]

from mcp.server.fastmcp.utilities.func_metadata import func_metadata  # noqa: E402

from gist_mcp.calls.argument_schema import Schema, input_schema  # noqa: E402
from gist_mcp.tools.registry import TOOLS, ToolEntry  # noqa: E402

HEADER = """# Tools

Made by `scripts/document_tools.py`; change the tools, not this page.

Every tool acts as the signed-in user and ends in one of two ways: its result, as JSON text and as
structured content, or an error whose text says what to do next.

Arguments are taken as they are or refused, before anything is done. Names and types are checked
first, all at once, then what the arguments say:

- An argument that a tool does not have is refused, and the error names the one that is meant:
  `private: true` is answered with `public`, `file_name` with `filename`.
- Nothing is converted. Text is text, also if it reads `null`, `123`, `true` or `{"a": 1}`; only
  true and false are truth values, so `public: "false"` is refused and never becomes a public gist.
  A list or an object written out as text is refused.
- `null` for an argument whose default is empty or false means the same as leaving it out. Any other
  null is refused, that for `public` too: its default publishes.
- A file name may have up to 255 bytes in UTF-8, in any script, with special spaces and emoji.
  Refused are slashes and backslashes, control characters, line and paragraph separators, characters
  that turn around the order of others on the screen, blanks at the ends, and every spelling of
  `.git`. The error names the character, such as `U+0007`.
- Content of white space only is refused, because GitHub takes it for an empty file.
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
            *_arguments(input_schema(entry.function)),
            *_results(metadata.output_schema or {}),
        ]
    )


def _arguments(schema: Schema) -> list[str]:
    fields: Schema = schema["properties"]
    if not fields:
        return ["No arguments.", ""]
    rows = [
        f"| `{name}` | {_type(field)} "
        f"| {f'`{json.dumps(field["default"])}`' if 'default' in field else 'required'} "
        f"| {field.get('description', '')} |"
        for name, field in fields.items()
    ]
    return ["| argument | type | default | meaning |", "|---|---|---|---|", *rows, ""]


def _type(field: Schema) -> str:
    if field["type"] != "array":
        return f"{field['type']}"
    item = field["items"]
    names = ", ".join(f"`{name}`" for name in item.get("properties", {}))
    return f"array of {item['type']}" + (f" ({names})" if names else "")


def _results(schema: Schema) -> list[str]:
    rows = [
        f"| `{name}` | {field.get('description', '')} |"
        for name, field in schema.get("properties", {}).items()
    ]
    return ["| result | meaning |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    PAGE.write_text(document())
