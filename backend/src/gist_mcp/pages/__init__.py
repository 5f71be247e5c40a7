"""The pages that people see in a browser: templates, and the security headers of every page.

No page has an inline script or style, so that the content security policy can forbid both. Every
page works without its script.
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
    # Cross-site scripting: names of clients and redirect URIs come from strangers.
    autoescape=True,
    # A misspelled variable is an error, not an empty text on a consent page.
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
"""Every static file, by name, with its media type."""

_STATIC_MAX_AGE_SECONDS: Final = 300
"""Short, because a file that changes keeps its name."""


def content_security_policy(*, form_action: Iterable[str] = ("'self'",)) -> str:
    """The content security policy of a page (CSP 3).

    `form_action` are the sources that a form of the page may be sent to, redirects included.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self'",
            f"form-action {' '.join(form_action)}",
            # Clickjacking: no other site puts the consent page in a frame (RFC 9700, 4.16).
            "frame-ancestors 'none'",
            # An injected `<base>` would send the form of the page to another site.
            "base-uri 'none'",
        )
    )


def page_headers(*, form_action: Iterable[str] = ("'self'",)) -> dict[str, str]:
    """The security headers of every page."""
    # Any page may show something of the person, or have it in its URL: a code or a `state`. So no
    # cache stores it, and no other site gets the URL as `Referer` (RFC 9700, 4.2.4).
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": content_security_policy(form_action=form_action),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        # For browsers that do not know `frame-ancestors`.
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
    """A response with a template of this folder. `has_form` is true if it sends a form to us."""
    text = _TEMPLATES.get_template(template).render(static=STATIC_PATH, **values)
    # Whether this page or JSON comes depends on `Accept`.
    headers = page_headers(form_action=form_action) | {"Vary": "Accept"}
    if has_form:
        # Under `no-referrer` browsers send `Origin: null` with a form (Fetch, 4.2), which the
        # check of Origin refuses. Other sites still learn nothing.
        headers["Referrer-Policy"] = "same-origin"
    return HTMLResponse(text, status_code=status_code, headers=headers)


def icon_bytes() -> bytes:
    """The icon of this server, as SVG."""
    return (_HERE / "static" / "icon.svg").read_bytes()


def static_file(request: Request) -> Response:
    """`GET /static/{name}`: the stylesheet, the script, the icon."""
    # Path traversal: the name is looked up in the table, and never opened as it came.
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
