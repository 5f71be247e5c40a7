"""The JSON schema of a tool's arguments, and the validation of a call against it.

Both come from the tool's signature. The MCP SDK's validation does not do: it drops unknown names
(`private: true` made a public gist), reads text as JSON where it can (`"null"` became nothing,
`'{"a":1}'` an object) and takes `"false"` or 1 for a boolean. Ours converts nothing: an unknown
name is refused, text is text, and only true and false are booleans. There are two exceptions, which
JSON itself suggests: 2.0 is the whole number 2, and null is the same as leaving out an argument
whose default is empty or false.

The lengths of texts and lists stand in the schema as `json_schema_extra`, and the check of the tool
refuses what goes beyond them: its words say more than ours could, and it counts bytes where GitHub
does. The bounds of numbers are checked here.
"""

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails
from reboot.mcp.server import DurableContext

from gist_mcp.calls.argument_names import is_about_visibility, meant_by, shown
from gist_mcp.errors import InvalidArgument

type Tool = Callable[..., Any]
type Schema = dict[str, Any]
type Location = Sequence[str | int]

MAX_FAULTS = 10
"""How many faults one response names. A model corrects those and then hears of the rest."""

MAX_ARGUMENT_VALUES = 5_000
"""Values in the arguments of one call, all levels together: 300 files are 901. Each value may be a
fault, and a fault costs far more time than a value."""

MAX_SHOWN_NUMBER = 10**15
"""Numbers from here on are not repeated: their digits would fill the answer."""

_STRICT = ConfigDict(extra="forbid", strict=True)


class ArgumentObject(BaseModel):
    """Base of the objects that tools take within their arguments."""

    model_config = _STRICT


@functools.cache
def _model(tool: Tool) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (
            parameter.annotation,
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for name, parameter in inspect.signature(tool, eval_str=True).parameters.items()
        if parameter.annotation is not DurableContext
    }
    return create_model(tool.__name__, __config__=_STRICT, **fields)


@functools.cache
def input_schema(tool: Tool) -> Schema:
    """JSON schema of a tool's arguments: no `$ref`, no null, no unknown names.

    Some clients and models read neither references nor alternatives. Raises `TypeError` for a
    tool whose signature would need them, at the start of the server.
    """
    raw = _model(tool).model_json_schema()
    schema: Schema = _without_references(raw, raw.pop("$defs", {}))
    _refuse_loose_parts(tool, schema)
    return schema


def _without_references(part: Any, definitions: Schema) -> Any:
    if isinstance(part, list):
        return [_without_references(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref")
    if reference is None:
        return {
            key: _without_references(value, definitions)
            for key, value in part.items()
            # Pydantic's titles repeat the names. An argument named `title` has an object here.
            if not (key == "title" and isinstance(value, str))
        }
    # A member beside the reference, such as a description, is more specific than the target's.
    beside = {key: value for key, value in part.items() if key != "$ref"}
    target = definitions[reference.removeprefix("#/$defs/")]
    return _without_references({**target, **beside}, definitions)


def _refuse_loose_parts(tool: Tool, part: Schema) -> None:
    if "type" not in part and "enum" not in part and "const" not in part:
        raise TypeError(f"{tool.__name__}: an argument without one plain type: {part}")
    if part.get("type") == "object" and part.get("additionalProperties") is not False:
        raise TypeError(f"{tool.__name__}: an object that is no ArgumentObject: {part}")
    for child in part.get("properties", {}).values():
        _refuse_loose_parts(tool, child)
    if part.get("type") == "array":
        _refuse_loose_parts(tool, part["items"])


def validated_arguments(tool: Tool, arguments: object) -> dict[str, Any]:
    """Keyword arguments for the tool, defaults included, from what a client sent.

    `arguments` is any parsed JSON; `None` stands for no arguments. Raises `InvalidArgument` with
    all faults at once, each naming its argument.
    """
    schema = input_schema(tool)
    if _more_values_than(MAX_ARGUMENT_VALUES, arguments):
        raise InvalidArgument(
            "arguments", f"more than {MAX_ARGUMENT_VALUES} values; {_expected(schema)} is expected."
        )
    given = _in_plain_json({} if arguments is None else arguments, schema)
    try:
        checked = _model(tool).model_validate(given)
    except ValidationError as invalid:
        details = invalid.errors(include_url=False, include_context=False)
        # Only those that are shown are put into words: there may be thousands.
        faults = [_fault(tool, schema, detail) for detail in details[:MAX_FAULTS]]
        raise all_faults(faults, more=len(details) - len(faults)) from None
    return {name: getattr(checked, name) for name in type(checked).model_fields}


def all_faults(faults: Sequence[InvalidArgument], *, more: int = 0) -> InvalidArgument:
    """One error that names all faults, up to `MAX_FAULTS`. There must be at least one.

    `more` is how many there are besides those given.
    """
    first, *others = faults[:MAX_FAULTS]
    lines = [first.text, *map(str, others)]
    more += max(0, len(faults) - MAX_FAULTS)
    if more:
        lines.append(f"And {more} more faults.")
    return InvalidArgument(first.field, "\n".join(lines))


def _more_values_than(limit: int, value: object) -> bool:
    """True if a JSON value has more than `limit` values on all levels together."""
    # Without recursion, which ends in `RecursionError` where the client chooses the depth.
    waiting: list[object] = [value]
    seen = 0
    while waiting:
        node = waiting.pop()
        children = node.values() if isinstance(node, dict) else node
        if isinstance(node, dict | list):
            seen += len(node)
            if seen > limit:
                return True
            waiting.extend(children)  # type: ignore[arg-type]
    return False


def _in_plain_json(value: object, schema: Schema) -> object:
    """The same value with whole numbers as integers and without nulls that mean nothing."""
    kind = schema.get("type")
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "array" and isinstance(value, list):
        return [_in_plain_json(item, schema["items"]) for item in value]
    if kind == "object" and isinstance(value, dict):
        properties = schema.get("properties", {})
        return {
            name: _in_plain_json(item, properties.get(name, {}))
            for name, item in value.items()
            if item is not None or not _null_is_absent(properties.get(name, {}))
        }
    return value


def _null_is_absent(schema: Schema) -> bool:
    """True for an argument with an empty or false default."""
    # Not for `public`, whose default is true: a client that writes null is not sure, and the gist
    # of a user who wanted it secret would be public.
    return "default" in schema and not schema["default"]


def _fault(tool: Tool, schema: Schema, detail: ErrorDetails) -> InvalidArgument:
    """A fault in our own words. Of pydantic's only the place and the kind are used."""
    location = detail["loc"]
    field = _field(location)
    if detail["type"] == "extra_forbidden":
        return InvalidArgument(field, _unknown(tool, schema, location))
    wanted = _at(schema, location)
    expected = _expected(wanted, None if detail["type"] == "missing" else detail["input"])
    description = wanted.get("description", "") if location else ""
    about = f" {description}" if description else ""
    if detail["type"] == "missing":
        return InvalidArgument(field, f"is missing; {expected} is expected.{about}")
    value = detail["input"]
    text = f"{expected} is expected, not {_kind(value, wanted)}.{_advice(wanted, value)}{about}"
    return InvalidArgument(field, text)


def _field(location: Location) -> str:
    """A place in the arguments as people write it: `additional_files[0].filename`."""
    if not location:
        return "arguments"
    parts = [f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in location]
    return "".join(parts).removeprefix(".")


def _at(schema: Schema, location: Location) -> Schema:
    for part in location:
        schema = schema["items"] if isinstance(part, int) else schema["properties"][part]
    return schema


def _unknown(tool: Tool, schema: Schema, location: Location) -> str:
    """What to say of a name that is no argument's."""
    properties: Schema = _at(schema, location[:-1]).get("properties", {})
    meant = meant_by(str(location[-1]), properties)
    if meant is not None:
        wanted = properties[meant]
        about = wanted.get("description", "")
        return f"there is no such argument; use `{meant}` ({_expected(wanted)}). {about}".rstrip()
    if "gist_id" in schema["properties"] and is_about_visibility(str(location[-1])):
        return (
            "there is no such argument: a gist stays public or secret as it was created, and "
            "GitHub cannot change that. To have it otherwise, create another gist."
        )
    owner = _field(location[:-1]) if len(location) > 1 else tool.__name__
    names = _listed(properties, "and")
    return f"there is no such argument; {owner} takes {names or 'no arguments: leave it out'}."


def _expected(schema: Schema, value: object = None) -> str:
    """What a schema asks for, in words; lengths only where `value` is of the right kind."""
    choices = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    if choices:
        return f"one of {_listed(choices, 'and')}"
    match schema["type"]:
        case "string":
            if not isinstance(value, str):
                return "text"
            return f"text{_bounds(schema, 'minLength', 'maxLength', ' characters')}"
        case "boolean":
            return "true or false"
        case "integer":
            return f"a whole number{_bounds(schema, 'minimum', 'maximum')}"
        case "number":
            return f"a number{_bounds(schema, 'minimum', 'maximum')}"
        case "array":
            if not isinstance(value, list):
                return "a list"
            return f"a list{_bounds(schema, 'minItems', 'maxItems', ' entries')}"
        case _:
            names = _listed(schema.get("properties", {}), "and")
            return f"an object with {names}" if names else "an empty object"


def _bounds(schema: Schema, least: str, most: str, unit: str = "") -> str:
    low, high = schema.get(least), schema.get(most)
    if low is not None and high is not None:
        return f" of {low:,} to {high:,}{unit}" if unit else f" from {low:,} to {high:,}"
    if low is not None:
        return f" of at least {low:,}{unit}"
    return "" if high is None else f" of at most {high:,}{unit}"


def _listed(names: Sequence[str] | Schema, conjunction: str) -> str:
    quoted = [f"`{name}`" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {conjunction} {quoted[-1]}"


def _kind(value: object, wanted: Schema) -> str:
    """What came instead. Text from outside is not repeated."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str() if wanted.get("type") == "string":
            return "another text" if "enum" in wanted else f"{len(value)} characters"
        case str():
            return "text"
        case int() | float():
            is_short = abs(value) < MAX_SHOWN_NUMBER
            return f"the number {value}" if is_short else "a number as large as this"
        case list():
            return f"a list of {len(value)}"
        case _:
            return "an object"


def _advice(wanted: Schema, value: object) -> str:
    """How to correct the most common mistakes."""
    kind = wanted.get("type")
    if value is None and "default" in wanted:
        return f" Left out, it is {json.dumps(wanted['default'])}."
    if kind == "string" and "enum" not in wanted and isinstance(value, dict | list):
        return " Write it out as text."
    if kind in ("boolean", "integer", "number") and isinstance(value, str):
        return " Leave out the quotation marks."
    if kind in ("array", "object") and isinstance(value, str):
        return " Give the value itself, not a text that holds it."
    return ""
