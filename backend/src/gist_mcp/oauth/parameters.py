"""Parameters of the OAuth endpoints, from a query or a form, as RFC 6749, 3.1 and 3.2 say.

They come from anybody: everything malformed is an `OAuthError`, never an exception of Python's.
"""

from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from gist_mcp.errors import OAuthError

MAX_PARAMETER_CHARACTERS: Final = 512
"""GitHub's codes have 20 characters, our nonces 43; URLs of clients stay below this too."""

MAX_SEALED_CHARACTERS: Final = 4096
"""Parameters that may hold what we sealed: client ids, codes, tokens, a client's request."""

MAX_QUERY_BYTES: Final = 16 * 1024
MAX_FORM_BYTES: Final = 64 * 1024

FORM_TYPE: Final = "application/x-www-form-urlencoded"


def query_parameters(
    request: Request,
    names: Iterable[str],
    *,
    max_characters: int = MAX_PARAMETER_CHARACTERS,
    repeatable: Collection[str] = (),
    any_characters: Collection[str] = (),
) -> dict[str, str]:
    """The named parameters of the query; see `parse_parameters`."""
    raw: bytes = request.scope["query_string"]
    if len(raw) > MAX_QUERY_BYTES:
        raise OAuthError("invalid_request", "The query is too long.")
    return parse_parameters(
        raw,
        names,
        max_characters=max_characters,
        repeatable=repeatable,
        any_characters=any_characters,
    )


async def form_parameters(
    request: Request,
    names: Iterable[str],
    *,
    max_characters: int = MAX_SEALED_CHARACTERS,
    repeatable: Collection[str] = (),
    any_characters: Collection[str] = (),
) -> dict[str, str]:
    """The named parameters of a form in the body; see `parse_parameters`.

    Stops reading a body that is too long.
    """
    if not _is_form(request):
        text = f"The body must be a form, with Content-Type: {FORM_TYPE}."
        raise OAuthError("invalid_request", text)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise OAuthError("invalid_request", "The form is too long.", status_code=413)
    return parse_parameters(
        bytes(body),
        names,
        max_characters=max_characters,
        repeatable=repeatable,
        any_characters=any_characters,
    )


def parse_parameters(
    encoded: bytes,
    names: Iterable[str],
    *,
    max_characters: int = MAX_PARAMETER_CHARACTERS,
    repeatable: Collection[str] = (),
    any_characters: Collection[str] = (),
) -> dict[str, str]:
    """Those of `names` that have a value, once and of printable ASCII; others are ignored.

    Those of `repeatable` may come more than once; their values are joined by spaces. Those of
    `any_characters` may have any characters; the caller checks them. Raises `OAuthError` for any
    other that is repeated, too long or not printable.
    """
    wanted = frozenset(names)
    found: dict[str, str] = {}
    for name, value in _pairs(encoded):
        if name not in wanted:
            continue
        if name in found and name not in repeatable:
            raise OAuthError("invalid_request", f"The parameter {name} is repeated.")
        found[name] = " ".join(filter(None, (found.get(name), value)))
        if len(found[name]) > max_characters:
            raise OAuthError("invalid_request", f"The parameter {name} is too long.")
        if name not in any_characters and not is_printable_ascii(value):
            raise OAuthError("invalid_request", f"The parameter {name} has impossible characters.")
    # A parameter without a value counts as left out (RFC 6749, 3.1).
    return {name: value for name, value in found.items() if value}


def is_printable_ascii(value: str) -> bool:
    """True for printable ASCII, which is all that RFC 6749, appendix A, allows anywhere."""
    return value.isascii() and value.isprintable()


def _is_form(request: Request) -> bool:
    """True if one of the media types of the request is that of a form.

    There should be one. Libraries that merge an own header with a caller's send both, in one line
    or in two, and the body is then the form.
    """
    values = ",".join(request.headers.getlist("content-type")).split(",")
    return any(value.partition(";")[0].strip().lower() == FORM_TYPE for value in values)


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:  # `UnicodeDecodeError` among them.
        raise OAuthError("invalid_request", "The parameters are not well-formed.") from None
