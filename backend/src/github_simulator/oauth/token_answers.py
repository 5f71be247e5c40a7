"""The three formats of the token endpoint: form, JSON and XML, chosen by `Accept`."""

import json
from collections.abc import Mapping
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from starlette.responses import Response

TROUBLESHOOTING = (
    "https://docs.github.com/apps/managing-oauth-apps/"
    "troubleshooting-oauth-app-access-token-request-errors/"
)
# The refresh error was seen with the link of the code error.
_ANCHORS = {"bad_refresh_token": "bad-verification-code"}


class TokenError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def token_answer(fields: Mapping[str, str | int], accept: str) -> Response:
    """HTTP 200 in the format that `Accept` asks for; numbers stay numbers in JSON."""
    headers = {"cache-control": "no-store", "vary": "Accept", "x-content-type-options": "nosniff"}
    wanted = accept.lower()
    if "application/json" in wanted:
        content, media = json.dumps(dict(fields)), "application/json"
    elif "application/xml" in wanted:
        inner = "".join(f"<{name}>{escape(str(v))}</{name}>" for name, v in fields.items())
        content, media = f"<OAuth>{inner}</OAuth>", "application/xml"
    else:
        content, media = urlencode(fields), "application/x-www-form-urlencoded"
    return Response(content, 200, {**headers, "content-type": f"{media}; charset=utf-8"})


def error_answer(error: TokenError, accept: str) -> Response:
    """The error, also with HTTP 200."""
    anchor = _ANCHORS.get(error.error, error.error.replace("_", "-"))
    fields = {
        "error": error.error,
        "error_description": error.description,
        "error_uri": f"{TROUBLESHOOTING}#{anchor}",
    }
    return token_answer(fields, accept)
