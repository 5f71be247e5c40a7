"""Reads the parameters of the OAuth endpoints from a query or a form (RFC 6749, 3.1 and 3.2).

Anybody can send them. Whatever is malformed raises `OAuthError`, never an exception of Python.
"""

from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from gist_mcp.errors import OAuthError
from gist_mcp.http.body import BodyLate, BodyTooLarge, read_body

MAX_PARAMETER_CHARACTERS: Final = 512
"""A code of GitHub has 20 characters, a nonce of ours 43; URLs of clients are shorter as well."""

MAX_SEALED_CHARACTERS: Final = 4096
"""For parameters that may hold what we sealed: client ids, codes, tokens, a client's request."""

MAX_QUERY_BYTES: Final = 16 * 1024
MAX_FORM_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 100

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

    A body over `MAX_FORM_BYTES` is status 413, one that does not come in time 408.
    """
    if not _is_form(request):
        text = f"The body must be a form, with Content-Type: {FORM_TYPE}."
        raise OAuthError("invalid_request", text)
    try:
        # Not Starlette's `request.form()`: it reads a form of any length to its end.
        body = await read_body(request, MAX_FORM_BYTES)
    except BodyTooLarge:
        raise OAuthError("invalid_request", "The form is too long.", status_code=413) from None
    except BodyLate as late:
        raise OAuthError("invalid_request", str(late), status_code=408) from None
    return parse_parameters(
        body,
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
            # Unknown parameters are ignored (RFC 6749, 3.1 and 3.2), also when they are repeated.
            continue
        # A parameter comes once (RFC 6749, 3.1 and 3.2). With two values a proxy or a log may see
        # one and this server use the other.
        if name in found and name not in repeatable:
            raise OAuthError("invalid_request", f"The parameter {name} is repeated.")
        found[name] = " ".join(filter(None, (found.get(name), value)))
        if len(found[name]) > max_characters:
            raise OAuthError("invalid_request", f"The parameter {name} is too long.")
        # Control characters could forge lines of a log or break the header of a redirect.
        if name not in any_characters and not is_printable_ascii(value):
            raise OAuthError("invalid_request", f"The parameter {name} has impossible characters.")
    # A parameter without a value counts as left out (RFC 6749, 3.1).
    return {name: value for name, value in found.items() if value}


def is_printable_ascii(value: str) -> bool:
    """True for printable ASCII only: RFC 6749, appendix A, allows no other character in a value."""
    return value.isascii() and value.isprintable()


def _is_form(request: Request) -> bool:
    """True if one of the media types of the request is that of a form."""
    # There should be one. Libraries that add their own header to the caller's send both, in one
    # line or in two, and the body is then the form.
    values = ",".join(request.headers.getlist("content-type")).split(",")
    return any(value.partition(";")[0].strip().lower() == FORM_TYPE for value in values)


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        # `errors="strict"`: the default would replace bytes that are not UTF-8, and two different
        # values would read the same.
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:  # `UnicodeDecodeError` among them.
        raise OAuthError("invalid_request", "The parameters are not well-formed.") from None
