"""The browser in front of the web pages: its cookie, its forms, the headers of each page."""

import hashlib
import hmac
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse

from github_simulator.oauth.credentials import sha256_hex
from github_simulator.simulator import Simulator, simulator_of

COOKIE = "github_simulator_browser"
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def authenticity_token(simulator: Simulator, cookie: str) -> str:
    """What a form must carry to come from a page that this browser loaded."""
    return hmac.new(simulator.form_key, cookie.encode(), hashlib.sha256).hexdigest()


def is_own_form(request: Request, authenticity: str) -> bool:
    """True if the form came from one of our pages in this very browser."""
    cookie = request.cookies.get(COOKIE, "")
    expected = authenticity_token(simulator_of(request), cookie)
    return bool(cookie) and hmac.compare_digest(expected.encode(), authenticity.encode())


def signed_in_user(request: Request) -> int | None:
    """The account that was chosen last in this browser."""
    return simulator_of(request).browsers.get(sha256_hex(request.cookies.get(COOKIE, "")))


def sign_in(request: Request, user_id: int) -> None:
    """Remember the account for this browser, until the process ends."""
    cookie = request.cookies.get(COOKIE, "")
    simulator_of(request).browsers[sha256_hex(cookie)] = user_id


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    form_target: str | None = None,
    **values: object,
) -> HTMLResponse:
    """A page with our headers and, for its forms, a cookie and an authenticity token.

    `form_target` is the URL that a form's answer redirects to, if it leaves this site.
    """
    simulator = simulator_of(request)
    cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
    html = _TEMPLATES.get_template(template).render(
        app=simulator.app,
        authenticity_token=authenticity_token(simulator, cookie),
        **values,
    )
    response = HTMLResponse(html, status, _headers(form_target))
    # No `Secure`: the simulator speaks plain HTTP, on loopback only.
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="lax", path="/")
    return response


def _headers(form_target: str | None) -> dict[str, str]:
    form_action = "'self'"
    if form_target is not None:
        # Browsers apply form-action to the whole chain of redirects behind a form. The
        # application redirects on to its own client, on a host and port unknown here.
        schemes = dict.fromkeys(("http", "https", urlsplit(form_target).scheme))
        form_action += "".join(f" {scheme}:" for scheme in schemes)
    policy = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {form_action}"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        # The address of the page holds `state`.
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
