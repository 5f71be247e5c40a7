"""Answers made from GitHub's OpenAPI description: as little as it promises, and all it names."""

from typing import Any

from tests.support.openapi import DEFAULT_API_VERSION, resolved, response_schema

Json = Any  # a parsed JSON value

_SHA = "57a7f021a713b1c5a6a199b54cc514735d2d462f"
_TEXTS = {
    "date-time": "2026-11-23T10:00:00Z",
    "uri": "https://gist.github.com/octocat/aa5a315d61ae9438b18d",
    "email": "octocat@github.com",
}
_UNKNOWN = "a_field_of_next_year"


def response_sample(
    method: str,
    path: str,
    status: int,
    *,
    is_complete: bool,
    api_version: str = DEFAULT_API_VERSION,
) -> Json:
    """An answer that the description allows, `None` if it has no body.

    Complete: with every field. Otherwise with those alone that are required, and null where that
    is allowed.
    """
    found = response_schema(method, path, status, api_version)
    if found is None:
        return None
    document, schema = found
    return _Sample(document, is_complete).of(schema, "")


def with_unknown_fields(value: Json) -> Json:
    """The value with one more field in every object."""
    if isinstance(value, list):
        return [with_unknown_fields(each) for each in value]
    if isinstance(value, dict):
        known = {name: with_unknown_fields(each) for name, each in value.items()}
        return known if _is_map_of_files(value) else {**known, _UNKNOWN: {"deep": [1, None]}}
    return value


def _is_map_of_files(value: dict[str, Json]) -> bool:
    """True for the one kind of object whose names are data."""
    return set(value) == {"a.txt"}


class _Sample:
    def __init__(self, document: dict[str, Json], is_complete: bool) -> None:
        self._document = document
        self._is_complete = is_complete

    def of(self, schema: Json, name: str) -> Json:
        schema = self._with_what_it_requires(schema)
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                return self._first_choice(schema, choice, name)
        if "allOf" in schema:
            parts = [self.of(each, name) for each in schema["allOf"]]
            return None if None in parts else {key: part[key] for part in parts for key in part}
        if schema.get("nullable") and not self._is_complete:
            return None
        return self._value(schema, name)

    def _with_what_it_requires(self, schema: Json) -> Json:
        plain = resolved(self._document, schema)
        if schema.get("$ref") != "#/components/schemas/gist-simple":
            return plain
        # It requires nothing; see `tests.support.openapi`.
        base = self._document["components"]["schemas"]["base-gist"]
        return {**plain, "required": base["required"]}

    def _first_choice(self, schema: Json, choice: str, name: str) -> Json:
        chosen = schema[choice][0]
        value = self.of(chosen, name)
        if "discriminator" in schema:
            # OpenAPI 3.0, discriminator object: this field says which of the schemas it is.
            rule = schema["discriminator"]
            (value[rule["propertyName"]],) = (
                each for each, target in rule["mapping"].items() if target == chosen["$ref"]
            )
        return value

    def _value(self, schema: Json, name: str) -> Json:
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type", "object"):
            case "object":
                return self._object(schema)
            case "array":
                return [self.of(schema["items"], name)]
            case "string":
                return _TEXTS.get(schema.get("format", ""), _SHA if name == "version" else "text")
            case "integer" | "number":
                return 1
            case "boolean":
                return False
        raise AssertionError(f"no sample of {schema}")

    def _object(self, schema: Json) -> Json:
        fields = schema.get("properties", {})
        names = fields if self._is_complete else schema.get("required", ())
        value = {name: self.of(fields[name], name) for name in names}
        if isinstance(schema.get("additionalProperties"), dict):
            value["a.txt"] = self.of(schema["additionalProperties"], "a.txt")
        return value
