"""The arguments of a tool are its own, of the type that it says, or refused by name."""

import json
import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from reboot.mcp.server import DurableContext

from gist_mcp.calls.argument_names import meant_by
from gist_mcp.calls.argument_schema import ArgumentObject, input_schema, validated_arguments
from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.call_validation import validated_call
from gist_mcp.tools.gists_write import NewFile, create_gist
from gist_mcp.tools.registry import TOOLS, ToolEntry

GIST = {"description": "d", "filename": "a.md", "content": "x"}
TEXT_ARGUMENTS = ("description", "filename", "content", "idempotency_key")
LOOKS_LIKE_JSON = ("null", "123", '{"a":1}', '["x"]', "true", '"quoted"', "1e9", "NaN")
EVERY_TOOL = pytest.mark.parametrize("entry", TOOLS, ids=lambda entry: entry.name)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Edit(ArgumentObject):
    """One change."""

    old_text: str
    times: Annotated[int, Field(ge=1)] = 1


async def edit_it(
    context: DurableContext,
    gist_id: str,
    page: Annotated[int, Field(ge=1, le=100)] = 1,
    ratio: float = 0.5,
    visibility: Literal["all", "public", "secret"] = "all",
    append: bool = False,
    edits: Annotated[Sequence[Edit], Field(max_length=3)] = (),
) -> None:
    """A tool of the kinds that there are."""


async def reads_null(context: DurableContext, key: str | None = None) -> None:
    """A tool with an alternative in its schema."""


class Loose(BaseModel):
    """An object that ignores what it does not know."""

    name: str


async def takes_loose_objects(context: DurableContext, files: Sequence[Loose] = ()) -> None:
    """A tool that would ignore unknown names."""


def refused(arguments: object, tool: Any = create_gist) -> list[str]:
    """The lines of the refusal."""
    with pytest.raises(InvalidArgument) as refusal:
        validated_arguments(tool, arguments)
    text = str(refusal.value)
    assert "pydantic" not in text
    assert "http" not in text
    return text.splitlines()


def parts_of(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [part for item in schema for part in parts_of(item)]
    if isinstance(schema, dict):
        return [schema, *(part for value in schema.values() for part in parts_of(value))]
    return []


@EVERY_TOOL
def test_a_published_schema_is_closed_and_plain(entry: ToolEntry) -> None:
    for part in parts_of(input_schema(entry.function)):
        assert not part.keys() & {"$ref", "$defs", "anyOf", "oneOf", "allOf"}
        assert part.get("type") != "null"
        if part.get("type") == "object":
            assert part["additionalProperties"] is False


@EVERY_TOOL
def test_optional_arguments_have_plain_defaults(entry: ToolEntry) -> None:
    properties = input_schema(entry.function)["properties"]
    others = {"public": True, "visibility": "all", "page": 1, "per_page": 10}

    for name, part in properties.items():
        assert part.get("default", "") in (others.get(name), "", [], False, 0)


@pytest.mark.parametrize("tool", [reads_null, takes_loose_objects])
def test_a_tool_with_a_loose_schema_does_not_come_into_being(tool: Any) -> None:
    with pytest.raises(TypeError):
        input_schema(tool)


@EVERY_TOOL
@pytest.mark.parametrize(
    "name", ["private", "zzz", "", "context", "ctx", "self", "_meta", "\x1b[2J"]
)
def test_every_tool_refuses_every_unknown_name(entry: ToolEntry, name: str) -> None:
    with pytest.raises(InvalidArgument, match="there is no such argument"):
        validated_call(entry.name, {name: True})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("private", "public"),
        ("secret", "public"),
        ("isPublic", "public"),
        ("is_public", "public"),
        ("is_private", "public"),
        ("Public", "public"),
        ("PUBLIC", "public"),
        ("visibility", "public"),
        ("publik", "public"),
        ("file_name", "filename"),
        ("fileName", "filename"),
        ("file", "filename"),
        ("name", "filename"),
        ("contents", "content"),
        ("text", "content"),
        ("body", "content"),
        ("desc", "description"),
        ("descripton", "description"),
        ("files", "additional_files"),
        ("additionalFiles", "additional_files"),
        ("idempotencyKey", "idempotency_key"),
        ("idempotency-key", "idempotency_key"),
    ],
)
def test_an_unknown_name_is_answered_with_the_argument_that_is_meant(name: str, meant: str) -> None:
    (line,) = refused({**GIST, name: True})

    assert line.startswith(f"{name}: there is no such argument; use `{meant}`")


def test_a_name_that_resembles_nothing_is_answered_with_all_arguments() -> None:
    (line,) = refused({**GIST, "colour": "red"})

    assert line == (
        "colour: there is no such argument; create_gist takes `description`, `filename`, "
        "`content`, `public`, `additional_files`, `idempotency_key` and `confirm`."
    )


def test_a_tool_without_arguments_says_so() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        validated_call("get_my_profile", {"random_string": "x"})

    assert str(refusal.value).startswith("random_string: there is no such argument; get_my_profile")
    assert "takes no arguments" in str(refusal.value)


def test_an_unknown_name_in_a_nested_object_is_refused_too() -> None:
    (line, *_) = refused({**GIST, "additional_files": [{"name": "b", "content": "x"}]})[1:]

    assert line.startswith("additional_files[0].name: there is no such argument; use `filename`")


@pytest.mark.parametrize("word", ["title", "q", "limit", "sha", "find", "zzz"])
def test_a_word_is_meant_only_where_a_tool_has_such_an_argument(word: str) -> None:
    assert meant_by(word, ["login", "page"]) is None


def test_names_and_values_from_outside_cannot_fill_an_answer() -> None:
    lines = refused({**GIST, "x" * 500_000: 1, "\x1b[31m\n": 2, "description": 10**300})

    assert sum(map(len, lines)) < 1_500
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("text", LOOKS_LIKE_JSON)
@pytest.mark.parametrize("name", TEXT_ARGUMENTS)
def test_text_stays_text(name: str, text: str) -> None:
    checked = validated_call("create_gist", {**GIST, name: text})

    assert checked[name] == text


@pytest.mark.parametrize("text", LOOKS_LIKE_JSON)
def test_text_stays_text_in_nested_files(text: str) -> None:
    file = {"filename": text, "content": text}

    checked = validated_call("create_gist", {**GIST, "additional_files": [file]})

    assert list(checked["additional_files"]) == [NewFile(filename=text, content=text)]


# Strict: what is not literally true or false is refused, lest `"false"` be taken for true.
@pytest.mark.parametrize(
    "value", ["false", "true", "False", "no", "0", "", "null", 0, 1, 0.0, [], {}, [False]]
)
def test_only_true_and_false_say_whether_a_gist_is_public(value: object) -> None:
    (line,) = refused({**GIST, "public": value})

    assert line.startswith("public: true or false is expected, not ")


def test_null_for_public_is_no_consent_to_publish() -> None:
    (line,) = refused({**GIST, "public": None})

    assert line.startswith("public: true or false is expected, not null. Left out, it is true.")


@pytest.mark.parametrize("name", ["additional_files", "idempotency_key"])
def test_null_for_what_is_empty_by_default_is_the_same_as_nothing(name: str) -> None:
    assert validated_call("create_gist", {**GIST, name: None}) == validated_call(
        "create_gist", GIST
    )


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"description": None}, "description: text is expected, not null."),
        ({"filename": 1}, "filename: text is expected, not the number 1."),
        ({"filename": True}, "filename: text is expected, not true."),
        (
            {"content": {"a": 1}},
            "content: text is expected, not an object. Write it out as text.",
        ),
        ({"content": ["x"]}, "content: text is expected, not a list of 1. Write it out as text."),
        (
            {"additional_files": "[]"},
            "additional_files: a list is expected, not text. Give the value itself, not a text "
            "that holds it.",
        ),
        ({"additional_files": {}}, "additional_files: a list is expected, not an object."),
        (
            {"additional_files": ["b.md"]},
            "additional_files[0]: an object with `filename` and `content` is expected, not text.",
        ),
        (
            {"additional_files": [{"filename": "b", "content": None}]},
            "additional_files[0].content: text is expected, not null.",
        ),
        (
            {"additional_files": [{"filename": "b"}]},
            "additional_files[0].content: is missing; text is expected.",
        ),
    ],
)
def test_a_wrong_value_is_answered_with_what_is_expected(
    wrong: dict[str, object], expected: str
) -> None:
    (line,) = refused({**GIST, **wrong})

    assert line.startswith(expected)


@pytest.mark.parametrize("arguments", [[], "{}", 3, True, [GIST], json.dumps(GIST)])
def test_arguments_that_are_no_object_are_refused_saying_what_is_expected(
    arguments: object,
) -> None:
    (line,) = refused(arguments)

    assert line.startswith("arguments: an object with `description`, `filename`")


def test_no_arguments_are_none() -> None:
    assert validated_call("get_my_profile", None) == {}
    assert validated_call("get_my_profile", {}) == {}


def test_all_faults_are_told_at_once() -> None:
    fields = [line.partition(":")[0] for line in refused({"filename": 1, "private": True})]

    assert sorted(fields) == ["content", "description", "filename", "private"]


def test_many_faults_are_told_up_to_a_limit() -> None:
    lines = refused({**GIST, **{f"zzz{number}": 1 for number in range(1000)}})

    assert len(lines) == 11
    assert lines[-1] == "And 990 more faults."


@pytest.mark.parametrize(
    "arguments",
    [
        {**GIST, "additional_files": [0] * 450_000},
        {**GIST, **{str(number): 0 for number in range(100_000)}},
        [[]] * 450_000,
    ],
)
def test_a_flood_of_faults_is_refused_before_it_is_looked_at(arguments: object) -> None:
    begun = time.process_time()

    (line,) = refused(arguments)

    assert "more than 5000 values" in line
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"page": 0}, "page: a whole number from 1 to 100 is expected, not the number 0."),
        ({"page": "2"}, "page: a whole number from 1 to 100 is expected, not text. Leave out the"),
        ({"page": 2.5}, "page: a whole number from 1 to 100 is expected, not the number 2.5."),
        ({"page": True}, "page: a whole number from 1 to 100 is expected, not true."),
        ({"page": 1e300}, "page: a whole number from 1 to 100 is expected, not a number as large"),
        ({"ratio": "1"}, "ratio: a number is expected, not text. Leave out the quotation marks."),
        (
            {"visibility": "hidden"},
            "visibility: one of `all`, `public` and `secret` is expected, not another text.",
        ),
        ({"edits": [{"old_text": "x"}] * 4}, "edits: a list of at most 3 entries is expected, "),
        (
            {"edits": [{"old_text": "x", "times": 0}]},
            "edits[0].times: a whole number of at least 1 is expected, not the number 0.",
        ),
        (
            {"edits": [{"old_text": "x", "old_string": "y"}]},
            "edits[0].old_string: there is no such argument; use `old_text` (text).",
        ),
    ],
)
def test_other_kinds_of_arguments_are_explained_alike(
    wrong: dict[str, object], expected: str
) -> None:
    (line,) = refused({"gist_id": "a", **wrong}, edit_it)

    assert line.startswith(expected)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    given_arguments = {"gist_id": "1", "page": 2.0, "edits": [{"old_text": "x", "times": 3.0}]}

    checked = validated_arguments(edit_it, given_arguments)

    assert (checked["page"], checked["edits"][0].times) == (2, 3)
    assert isinstance(checked["page"], int)


def test_null_in_a_nested_object_is_absent_where_the_default_is_empty() -> None:
    with pytest.raises(InvalidArgument, match=r"edits\[0\]\.times: .* Left out, it is 1\."):
        validated_arguments(edit_it, {"gist_id": "1", "edits": [{"old_text": "x", "times": None}]})


@pytest.mark.parametrize("name", ["create-gist", "createGist", "creat_gist"])
def test_a_misspelt_tool_is_answered_with_the_real_one(name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"there is no tool `{name}`; use `create_gist`"):
        validated_call(name, {})


@pytest.mark.parametrize("name", ["nothing_like_it", "", None, 5, ["create_gist"]])
def test_an_unknown_tool_is_answered_with_all_tools(name: object) -> None:
    names = ", ".join(f"`{entry.name}`" for entry in TOOLS)
    with pytest.raises(InvalidArgument, match=names):
        validated_call(name, {})


@given(JSON, JSON)
def test_any_json_is_taken_or_refused_with_a_short_text(name: object, arguments: object) -> None:
    for tool_name in (name, "create_gist", "get_my_profile"):
        try:
            validated_call(tool_name, arguments)
        except InvalidArgument as refusal:
            assert len(str(refusal)) < 4_000
