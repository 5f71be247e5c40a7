"""Holds requests and answers against GitHub's OpenAPI description (`tests/contracts/`).

Where the description contradicts GitHub's own text or its real answers, the difference is
allowed for here by name:

- a file that is null in an update deletes it, but the request schema has no null;
- `description` may be null in a create request, but the schema says string;
- `language` of a file may be null, but the schema says string;
- `gist-simple` requires nothing, so the fields that base-gist requires are required of it too;
- 400, 401, 403, 410, 429 and 5xx can occur anywhere, but are not listed per operation.
"""

import copy
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

DESCRIPTION = Path(__file__).resolve().parents[1] / "contracts" / "github-openapi-subset.json"
DEFAULT_API_VERSION = "2022-11-28"
STATUSES_ANYWHERE = frozenset({400, 401, 403, 410, 429, *range(500, 600)})

Json = Any  # a parsed JSON value


class ContractError(AssertionError):
    """A request or an answer that GitHub's description does not allow."""


@cache
def description(api_version: str = DEFAULT_API_VERSION) -> dict[str, Json]:
    """The description, with the breaking changes up to that version applied."""
    loaded: dict[str, Json] = json.loads(DESCRIPTION.read_text())
    for schema in loaded["components"]["schemas"].values():
        for change in schema.get("x-github-breaking-changes", ()):
            if change["version"] <= api_version:
                _apply(schema, change["patch"])
    return loaded


def is_described(method: str, path: str) -> bool:
    """True if the operation is in the description at all."""
    return _find_operation(description(), method, path) is not None


def assert_request_matches(
    method: str,
    path: str,
    json_body: Json = None,
    query: Mapping[str, object] | None = None,
) -> None:
    """Raises `ContractError` unless GitHub's description allows the request."""
    document = description()
    operation = _operation(document, method, path)
    _check_query(document, operation, query or {})
    declared = operation.get("requestBody")
    if declared is None:
        if json_body is not None:
            raise ContractError(f"{method} {path} takes no body")
        return
    if json_body is None and declared.get("required"):
        raise ContractError(f"{method} {path} needs a body")
    if json_body is not None:
        schema = declared["content"]["application/json"]["schema"]
        _validate(document, schema, _without_request_gaps(json_body), f"{method} {path}")


def assert_response_matches(
    method: str,
    path: str,
    status: int,
    json_body: Json = None,
    api_version: str = DEFAULT_API_VERSION,
) -> None:
    """Raises `ContractError` unless GitHub's description allows the answer."""
    where = f"{status} for {method} {path}"
    found = response_schema(method, path, status, api_version)
    if found is None:
        if json_body is not None:
            raise ContractError(f"{where} has no body")
        return
    document, schema = found
    _validate(document, schema, _without_response_gaps(json_body), where)
    if schema.get("$ref") == "#/components/schemas/gist-simple":
        required = document["components"]["schemas"]["base-gist"]["required"]
        missing = [name for name in required if name not in json_body]
        if missing:
            raise ContractError(f"{where} lacks {', '.join(missing)}")


def response_schema(
    method: str, path: str, status: int, api_version: str = DEFAULT_API_VERSION
) -> tuple[dict[str, Json], Json] | None:
    """The description and the schema of an answer in it; `None` for an answer without a body.

    Raises `ContractError` for an answer that the operation does not have.
    """
    document = description(api_version)
    responses = _operation(document, method, path)["responses"]
    declared = resolved(document, responses.get(str(status)))
    if declared is None and status in STATUSES_ANYWHERE:
        declared = resolved(document, {"$ref": "#/components/responses/forbidden"})
    if declared is None:
        raise ContractError(f"{status} for {method} {path} is not described")
    if "content" not in declared:
        return None
    return document, declared["content"]["application/json"]["schema"]


def _find_operation(document: dict[str, Json], method: str, path: str) -> dict[str, Json] | None:
    plain = path.removeprefix("/api/v3")
    # A literal segment wins over a parameter: /gists/starred before /gists/{gist_id}.
    for template in sorted(document["paths"], key=lambda each: each.count("{")):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, plain):
            found: dict[str, Json] | None = document["paths"][template].get(method.lower())
            return found
    return None


def _operation(document: dict[str, Json], method: str, path: str) -> dict[str, Json]:
    operation = _find_operation(document, method, path)
    if operation is None:
        raise ContractError(f"{method} {path} is not in the description")
    return operation


def _check_query(
    document: dict[str, Json], operation: dict[str, Json], query: Mapping[str, object]
) -> None:
    declared = {
        parameter["name"]: parameter["schema"]
        for each in operation.get("parameters", ())
        if (parameter := resolved(document, each))["in"] == "query"
    }
    for name, value in query.items():
        if name not in declared:
            raise ContractError(f"unknown query parameter {name}")
        is_number = declared[name]["type"] == "integer" and str(value).isdigit()
        _validate(document, declared[name], int(str(value)) if is_number else value, name)


def _validate(document: dict[str, Json], schema: Json, value: Json, where: str) -> None:
    resource = Resource.from_contents(document, default_specification=DRAFT4)
    registry: Registry[Json] = Registry().with_resource("urn:github", resource)
    validator = OAS30Validator(
        _absolute(schema), registry=registry, format_checker=OAS30Validator.FORMAT_CHECKER
    )
    problems = [
        f"{'/'.join(map(str, error.absolute_path)) or '(top)'}: {error.message[:300]}"
        for error in validator.iter_errors(value)
    ]
    if problems:
        raise ContractError(f"{where}: " + "; ".join(problems))


def _absolute(schema: Json) -> Json:
    """The schema with references into the description, from wherever it is used."""
    text = json.dumps(schema).replace('"#/components/', '"urn:github#/components/')
    return json.loads(text)


def resolved(document: dict[str, Json], value: Json) -> Json:
    """The value, or what it refers to in the description."""
    if not isinstance(value, dict) or "$ref" not in value:
        return value
    for part in value["$ref"].removeprefix("#/").split("/"):
        document = document[part]
    return document


def _without_request_gaps(body: Json) -> Json:
    """The body with what GitHub takes and the schema refuses taken out."""
    if not isinstance(body, dict):
        return body
    plain = copy.deepcopy(body)
    if "description" in plain and plain["description"] is None:
        del plain["description"]
    if isinstance(plain.get("files"), dict):
        plain["files"] = {n: {} if f is None else f for n, f in plain["files"].items()}
    return plain


def _without_response_gaps(body: Json) -> Json:
    """The body without `language: null`, at any depth."""
    if isinstance(body, list):
        return [_without_response_gaps(each) for each in body]
    if isinstance(body, dict):
        return {
            name: _without_response_gaps(value)
            for name, value in body.items()
            if not (name == "language" and value is None)
        }
    return body


def _apply(schema: dict[str, Json], patch: Json) -> None:
    """JSON Patch removals (RFC 6902) or a merge patch (RFC 7396): all that occur."""
    if isinstance(patch, list):
        for step in patch:
            assert step["op"] == "remove"
            *parents, last = step["path"].strip("/").split("/")
            target = schema
            for part in parents:
                target = target[part]
            target.pop(last)
        return
    for name, value in patch.items():
        if value is None:
            schema.pop(name, None)
        elif isinstance(value, dict):
            _apply(schema.setdefault(name, {}), value)
        else:
            schema[name] = value
