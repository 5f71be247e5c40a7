"""What people see in a browser: templates, and the headers that every page carries.

Values reach the templates escaped. There is no inline script or style, so that the content
security policy can forbid both; every page works without its script.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

STATIC_PATH: Final = "/static"
_STATIC = {
    "gist-mcp.css": "text/css",
    "copy.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""Every file that is served, by name: nothing else can be asked for."""

_STATIC_MAX_AGE_SECONDS: Final = 300
"""Short, because the names do not change with the contents."""


def content_security_policy(*, form_action: Iterable[str] = ("'self'",)) -> str:
    """The policy of a page (CSP 3). `form_action` are the places its forms may end up at,
    redirects included."""
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self'",
            f"form-action {' '.join(form_action)}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def page_headers(*, form_action: Iterable[str] = ("'self'",)) -> dict[str, str]:
    """The headers of every page: not stored, not framed, and its address told to nobody.

    Any page may show something of the person or carry it in its URL.
    """
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_security_policy(form_action=form_action),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def page(
    template: str,
    *,
    status_code: int = 200,
    form_action: Iterable[str] = ("'self'",),
    has_form: bool = False,
    **values: object,
) -> HTMLResponse:
    """A template of this room as an answer. `has_form` for one that sends a form to us."""
    text = _TEMPLATES.get_template(template).render(static=STATIC_PATH, **values)
    # Whether this page or JSON comes depends on `Accept`.
    headers = page_headers(form_action=form_action) | {"Vary": "Accept"}
    if has_form:
        # Under `no-referrer` browsers send `Origin: null` with a form (Fetch, 4.2), which the
        # check of Origin refuses. Other sites still learn nothing.
        headers["Referrer-Policy"] = "same-origin"
    return HTMLResponse(text, status_code=status_code, headers=headers)


def static_file(request: Request) -> Response:
    """`GET /static/{name}`: the stylesheet, the script, the icon."""
    name = request.path_params["name"]
    if name not in _STATIC:
        return Response("Not found", status_code=404, media_type="text/plain")
    return Response(
        (_HERE / "static" / name).read_bytes(),
        media_type=_STATIC[name],
        headers={
            "Cache-Control": f"public, max-age={_STATIC_MAX_AGE_SECONDS}",
            "X-Content-Type-Options": "nosniff",
        },
    )
