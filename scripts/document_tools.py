"""Writes docs/tools.md from what the server offers: `.venv/bin/python scripts/document_tools.py`.

It also writes the schemas themselves, as clients get them, into `OFFER`, and the table of titles
and hints that ends docs/directory.md. Tests compare all three with what this makes: a change of a
schema is seen in the difference, and never made by accident.
"""

import hashlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "tools.md"
OFFER = REPOSITORY / "tests" / "snapshots" / "offer.json"
DIRECTORY = REPOSITORY / "docs" / "directory.md"

sys.path[:0] = [str(REPOSITORY / "backend" / "src"), str(REPOSITORY / "api")]

from mcp.server.fastmcp.utilities.func_metadata import func_metadata  # noqa: E402

from gist_mcp.calls.argument_schema import Schema, input_schema  # noqa: E402
from gist_mcp.mcp_http.counted_method import dumped  # noqa: E402
from gist_mcp.mcp_http.prompt_methods import listed_prompts  # noqa: E402
from gist_mcp.prompts.menu import MENU, MenuEntry  # noqa: E402
from gist_mcp.resources.gist_resources import templates  # noqa: E402
from gist_mcp.tools.registry import TOOLS, ToolEntry  # noqa: E402

HEADER = """# Tools, prompts and resources

Made by `scripts/document_tools.py`; change the code, not this page.

Fingerprint: `{fingerprint}`

That is the SHA-256 of the canonical JSON (members in alphabetical order, no white space, UTF-8) of
an object with `tools`, `prompts` and `resourceTemplates`, each as the server lists it to a client.
A client that computes another one talks to another release, to a server that was changed, or to one
that only reads and therefore does not list the tools that change something.

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


def offer() -> dict[str, Any]:
    """What clients are told of the tools, prompts and resource templates, as they are told it."""
    return {
        "tools": [_tool(entry) for entry in TOOLS],
        "prompts": dumped(listed_prompts())["prompts"],
        "resourceTemplates": dumped(templates())["resourceTemplates"],
    }


def fingerprint(offered: dict[str, Any]) -> str:
    """SHA-256 of its canonical JSON, in hexadecimal digits."""
    canonical = json.dumps(offered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def offer_text() -> str:
    """The file `OFFER`."""
    return json.dumps(offer(), ensure_ascii=False, indent=1) + "\n"


def directory() -> str:
    """The page for directories, whose other sections are written by hand, with its table anew."""
    by_hand = DIRECTORY.read_text().partition(HINTS_BEGIN)[0]
    rows = (
        f"| `{entry.name}` | {entry.title} | {' | '.join(map(_yes, _hints_of(entry)))} |\n"
        for entry in TOOLS
    )
    return f"{by_hand}{HINTS_BEGIN}|---|---|---|---|---|---|\n{''.join(rows)}"


HINTS_BEGIN = (
    "| tool | title | `readOnlyHint` | `destructiveHint` | `idempotentHint` | `openWorldHint` |\n"
)


def _hints_of(entry: ToolEntry) -> tuple[bool | None, ...]:
    hints = entry.annotations
    return (
        hints.readOnlyHint,
        hints.destructiveHint,
        hints.idempotentHint,
        hints.openWorldHint,
    )


def _yes(hint: bool | None) -> str:
    return str(hint).lower()


def document() -> str:
    """The whole page."""
    offered = offer()
    return "\n".join(
        [
            HEADER.replace("{fingerprint}", fingerprint(offered)),
            *(_section(entry) for entry in TOOLS),
            "# Prompts\n",
            *(_prompt(entry) for entry in MENU),
            "# Resource templates\n",
            "| URI | MIME type | meaning |",
            "|---|---|---|",
            *(
                f"| `{one['uriTemplate']}` | {one.get('mimeType', 'that of the file')} "
                f"| {one.get('description', '')} |"
                for one in offered["resourceTemplates"]
            ),
            "",
        ]
    )


def _tool(entry: ToolEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "description": inspect.cleandoc(entry.function.__doc__ or ""),
        "inputSchema": input_schema(entry.function),
        "outputSchema": _output_schema(entry),
        "annotations": entry.annotations.model_dump(exclude_none=True),
    }


def _output_schema(entry: ToolEntry) -> Schema:
    return func_metadata(entry.function, skip_names=["context"]).output_schema or {}


def _section(entry: ToolEntry) -> str:
    scopes = ", ".join(f"`{scope}`" for scope in sorted(entry.scopes)) or "none"
    return "\n".join(
        [
            f"## `{entry.name}`",
            "",
            inspect.cleandoc(entry.function.__doc__ or ""),
            "",
            f"GitHub scopes: {scopes}. Hints to clients: {_hints(entry)}.",
            "",
            *_arguments(input_schema(entry.function)),
            *_results(_output_schema(entry)),
        ]
    )


def _hints(entry: ToolEntry) -> str:
    hints = entry.annotations
    if hints.readOnlyHint:
        return "reads only"
    effect = "may destroy" if hints.destructiveHint else "adds, and destroys nothing"
    again = "has no further effect" if hints.idempotentHint else "has its effect once more"
    return f"changes things; {effect}; the same call again {again}"


def _prompt(entry: MenuEntry) -> str:
    rows = [
        f"| `{one.name}` | {'required' if one.is_required else 'optional'} | {one.description} |"
        for one in entry.arguments
    ]
    table = ["| argument | | meaning |", "|---|---|---|", *rows] if rows else ["No arguments."]
    return "\n".join([f"## `{entry.name}`", "", entry.description, "", *table, ""])


def _arguments(schema: Schema) -> list[str]:
    rows = _rows(schema)
    if not rows:
        return ["No arguments.", ""]
    return ["| argument | type | default | meaning |", "|---|---|---|---|", *rows, ""]


def _rows(schema: Schema, place: str = "") -> list[str]:
    """A row for each argument, those within lists of objects after the list."""
    rows = []
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else f"`{json.dumps(field['default'])}`"
        meaning = field.get("description", "")
        rows.append(f"| `{place}{name}` | {_type(field)} | {default} | {meaning} |")
        rows += _rows(field.get("items", {}), f"{place}{name}[].")
    return rows


def _type(field: Schema) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "maxLength" in field:
        return f"string, at most {field['maxLength']:,} characters"
    if field["type"] == "array":
        return f"array of {field['items']['type']}, at most {field['maxItems']:,}"
    if "maximum" in field:
        return f"{field['type']}, {field['minimum']:,} to {field['maximum']:,}"
    return str(field["type"])


def _results(schema: Schema) -> list[str]:
    rows = [
        f"| `{name}` | {field.get('description', '')} |"
        for name, field in schema.get("properties", {}).items()
    ]
    return ["| result | meaning |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    PAGE.write_text(document())
    OFFER.parent.mkdir(exist_ok=True)
    OFFER.write_text(offer_text())
    DIRECTORY.write_text(directory())
