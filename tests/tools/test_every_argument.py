"""Every argument of every tool: what it takes, what it refuses, and that our own words say so."""

import asyncio
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gist_mcp import process
from gist_mcp.calls.argument_schema import ArgumentObject, input_schema, validated_arguments
from gist_mcp.config_source import parse_config
from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.call_validation import validated_call
from gist_mcp.tools.registry import TOOLS, ToolEntry
from tests.support.session_world import process_services

type Schema = dict[str, Any]
type Path = tuple[str | int, ...]

EVERY_TOOL = pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)

EXAMPLES = {
    "gist_id": "2decf6c462d9b4418f2aabbccddeeff0",
    "revision": "a" * 40,
    "since": "2026-11-28",
    "new_text": "y",
    "new_filename": "b.md",
}
"""Texts that a tool takes, where it does not take any. The others are `x`."""

OF_EVERY_KIND: tuple[Any, ...] = (None, True, 7, 1.5, float("nan"), float("inf"), "x", ["x"], {})
LOOKS_LIKE_JSON = ("null", "123", '{"a":1}', '["x"]', "true", '"quoted"', "1e9", "NaN")
KINDS = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
NOT_OUR_WORDS = re.compile(r"pydantic|https?:|Input should|validation error|type=|\bstr\b|NoneType")


@dataclass(frozen=True)
class Place:
    """Where an argument is, and its schema. `is_required` only for members of objects."""

    path: Path
    schema: Schema
    is_required: bool = False

    @property
    def field(self) -> str:
        """As an error names it."""
        parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path]
        return "".join(parts).removeprefix(".")

    @property
    def null_is_absent(self) -> bool:
        """True where null means the same as leaving it out."""
        return "default" in self.schema and not self.schema["default"]


def places_in(schema: Schema, path: Path = ()) -> Iterator[Place]:
    for name, part in schema.get("properties", {}).items():
        is_required = name in schema.get("required", [])
        yield Place((*path, name), part, is_required)
        yield from places_in(part, (*path, name))
    if schema["type"] == "array":
        yield Place((*path, 0), schema["items"])
        yield from places_in(schema["items"], (*path, 0))


def places(entry: ToolEntry) -> list[Place]:
    """Every argument, on every level."""
    return list(places_in(input_schema(entry.function)))


def example(schema: Schema, name: str = "") -> Any:
    """A value that the schema, and the tool, take."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {key: example(part, key) for key, part in schema["properties"].items()}
        case "array":
            return [example(schema["items"])]
        case "string":
            return EXAMPLES.get(name, "x")
        case "boolean":
            return False
        case _:
            return schema["minimum"]


def arguments_of(entry: ToolEntry) -> dict[str, Any]:
    """Arguments, all of them given, that the tool takes."""
    arguments: dict[str, Any] = example(input_schema(entry.function))
    if entry.name == "create_gist":
        arguments["filename"] = "another name than that of additional_files"
    return arguments


def with_value(arguments: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(arguments)
    parent(changed, path)[path[-1]] = value
    return changed


def parent(arguments: Any, path: Path) -> Any:
    for part in path[:-1]:
        arguments = arguments[part]
    return arguments


def refusal_of(entry: ToolEntry, arguments: dict[str, Any]) -> list[str]:
    """The lines of the refusal by names and types."""
    with pytest.raises(InvalidArgument) as refusal:
        validated_arguments(entry.function, arguments)
    return lines_of(refusal.value)


def lines_of(refusal: InvalidArgument) -> list[str]:
    text = str(refusal)
    assert not NOT_OUR_WORDS.search(text), text
    return text.splitlines()


@pytest.fixture(scope="module", autouse=True)
def _this_process() -> Iterator[None]:
    """What a check asks for which hosts have gists."""
    config = parse_config({}, production=False)
    http = httpx.AsyncClient()
    process.install(process_services(config, http, lambda: 0.0))
    yield
    asyncio.run(http.aclose())


@EVERY_TOOL
def test_the_examples_are_taken(entry: ToolEntry) -> None:
    arguments = arguments_of(entry)

    assert validated_call(entry.name, arguments).keys() == arguments.keys()


@EVERY_TOOL
def test_every_argument_has_its_limits(entry: ToolEntry) -> None:
    for place in places(entry):
        needed = {
            "string": {"maxLength"},
            "array": {"maxItems"},
            "integer": {"minimum", "maximum"},
        }.get(place.schema["type"], set())

        assert "enum" in place.schema or needed <= place.schema.keys(), place.field


@EVERY_TOOL
def test_another_kind_of_value_is_refused_in_our_words(entry: ToolEntry) -> None:
    arguments = arguments_of(entry)

    for place in places(entry):
        for value in OF_EVERY_KIND:
            if type(value) is KINDS[place.schema["type"]] and "enum" not in place.schema:
                continue
            if value is None and place.null_is_absent:
                continue
            (line, *_) = refusal_of(entry, with_value(arguments, place.path, value))

            assert line.startswith(f"{place.field}: "), (place, value)
            assert " is expected, not " in line


@EVERY_TOOL
def test_null_is_left_out_only_where_the_default_is_empty(entry: ToolEntry) -> None:
    arguments = arguments_of(entry)

    for place in places(entry):
        if not place.null_is_absent:
            continue
        without = copy.deepcopy(arguments)
        del parent(without, place.path)[place.path[-1]]

        with_null = with_value(arguments, place.path, None)

        assert validated_arguments(entry.function, with_null) == validated_arguments(
            entry.function, without
        )


@EVERY_TOOL
@pytest.mark.parametrize("text", LOOKS_LIKE_JSON)
def test_text_that_reads_like_json_stays_text(entry: ToolEntry, text: str) -> None:
    arguments = arguments_of(entry)

    for place in places(entry):
        if place.schema["type"] != "string" or "enum" in place.schema:
            continue
        value: Any = validated_arguments(entry.function, with_value(arguments, place.path, text))
        for part in place.path:
            is_object = isinstance(value, ArgumentObject)
            value = getattr(value, str(part)) if is_object else value[part]

        assert value == text, place.field


@EVERY_TOOL
def test_what_is_missing_is_named(entry: ToolEntry) -> None:
    arguments = arguments_of(entry)

    for place in places(entry):
        if not place.is_required:
            continue
        without = copy.deepcopy(arguments)
        del parent(without, place.path)[place.path[-1]]

        (line,) = refusal_of(entry, without)

        assert line.startswith(f"{place.field}: is missing; ")


@EVERY_TOOL
def test_an_unknown_name_is_refused_on_every_level(entry: ToolEntry) -> None:
    arguments = arguments_of(entry)
    objects: list[Path] = [("zzz",)]
    objects += [(*place.path, "zzz") for place in places(entry) if place.schema["type"] == "object"]

    for path in objects:
        (line,) = refusal_of(entry, with_value(arguments, path, "x"))

        assert line.startswith(f"{Place(path, {}).field}: there is no such argument")


@EVERY_TOOL
def test_what_the_schema_says_of_limits_holds(entry: ToolEntry) -> None:
    arguments = arguments_of(entry)

    for place in places(entry):
        # What is confirmed is judged when it is needed (`confirm_token.py`).
        if place.path == ("confirm",):
            continue
        for value in beyond_limits(place):
            with pytest.raises(InvalidArgument) as refusal:
                validated_call(entry.name, with_value(arguments, place.path, value))

            fields = [line.partition(":")[0] for line in lines_of(refusal.value)]
            assert place.field in fields


def beyond_limits(place: Place) -> list[Any]:
    """Values that are just outside of the limits."""
    schema = place.schema
    if "maxLength" in schema:
        return ["x" * (schema["maxLength"] + 1)]
    if "maxItems" in schema:
        return [[example(schema["items"])] * (schema["maxItems"] + 1)]
    if "maximum" in schema:
        return [schema["minimum"] - 1, schema["maximum"] + 1]
    return []
