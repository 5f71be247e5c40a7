"""What an endpoint returns or raises, before headers are added."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Self

DOCUMENTATION_URL = "https://docs.github.com/rest"
CREATE_GIST_DOCS = "https://docs.github.com/rest/gists/gists#create-a-gist"
UPDATE_GIST_DOCS = "https://docs.github.com/rest/reference/gists/#update-a-gist"

JsonObject = dict[str, object]


@dataclass(frozen=True)
class Answer:
    """A successful answer; `body` None means none."""

    status: int
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    last_modified: float | None = None


class ApiError(Exception):
    """A refusal with GitHub's JSON body."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(status, message, **more)
        self.headers: dict[str, str] = {}

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """The same, with more headers in the answer."""
        self.headers.update(headers)
        return self


class PlainError(Exception):
    """A refusal in plain text, from what stands before the API."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def error_body(status: int, message: str, **more: object) -> JsonObject:
    """GitHub's error object; `status` is a string there."""
    return {
        "message": message,
        "documentation_url": DOCUMENTATION_URL,
        "status": str(status),
        **more,
    }


def not_found() -> ApiError:
    """404: unknown, invisible, or a write without the scope."""
    return ApiError(404, "Not Found")


@dataclass(frozen=True)
class FieldProblem:
    """One entry of a 422's `errors`."""

    resource: str
    field: str
    code: str
    message: str | None = None

    def as_json(self) -> JsonObject:
        """The entry; `message` only where there is one."""
        entry: JsonObject = {"resource": self.resource, "code": self.code, "field": self.field}
        return entry if self.message is None else {**entry, "message": self.message}


def refuse(problem: FieldProblem, documentation_url: str = DOCUMENTATION_URL) -> NoReturn:
    """Raises the 422 for one field."""
    raise ApiError(
        422,
        "Validation Failed",
        errors=[problem.as_json()],
        documentation_url=documentation_url,
    )


def refuse_shape(details: str) -> NoReturn:
    """Raises the 422 for a missing parameter or a wrong type, which has no `errors`."""
    raise ApiError(422, f"Invalid request.\n\n{details}")
