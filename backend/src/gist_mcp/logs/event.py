"""What a line says to a program that reads it: the name of an event, and its fields."""

from collections.abc import Mapping
from typing import Any, Final

from gist_mcp.logs.context import Field

ATTRIBUTE: Final = "gist_mcp_event"
"""Where a record has it."""


def event(name: str, /, **fields: Field) -> dict[str, Any]:
    """The argument `extra` of a line that tells of the event `name`.

    The names of events and fields are an interface: docs/logs.md lists all.
    """
    told: Mapping[str, Field] = {"event": name, **fields}
    return {ATTRIBUTE: told}
