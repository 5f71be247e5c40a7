"""`GET /account` and `GET /account/audit.json`: what a person sees of their own account."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gist_mcp.account.overview import Overview, read_overview
from gist_mcp.clients.redirect_uri import form_action
from gist_mcp.deps import Deps
from gist_mcp.errors import OAuthError
from gist_mcp.oauth.account_cookie import LIFETIME_SECONDS, AccountSession, account_session
from gist_mcp.oauth.account_sign_in import SIGN_IN_PATH
from gist_mcp.oauth.answers import (
    NO_STORE,
    error_response,
    json_response,
    oauth_error_response,
    wants_page,
)
from gist_mcp.oauth.callback_errors import state_unavailable
from gist_mcp.pages import page
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.audit import EVENTS, TOOL_CALL, Entry

SHOWN_ENTRIES = 50
"""On the page, which stays small. The export has all."""

OUTCOMES = {
    "done": "done",
    "refused": "refused, nothing was changed",
    "unknown": "not known whether it was done",
}


async def account_page(request: Request) -> Response:
    """The page, or the same as JSON; without a sign-in the way to one."""
    deps: Deps = request.app.state.deps
    at_public_url = deps.config.own_origins.redirect_to_public(request)
    if at_public_url is not None:
        return RedirectResponse(at_public_url, status_code=302, headers=NO_STORE)
    signed_in = account_session(request)
    try:
        seen = await _read(request, signed_in)
    except StateUnavailable as error:
        return error_response(request, state_unavailable(error))
    if signed_in is None or seen is None:
        return _not_signed_in(request)
    if not wants_page(request):
        return json_response(_as_json(signed_in, seen))
    config = deps.config
    return page(
        "account.html",
        # "Disconnect" leads to GitHub, and from there back to us.
        form_action=form_action(config.github_web_url, config.public_url),
        has_form=True,
        login=signed_in.login,
        form_token=signed_in.form_token,
        clients=seen.clients,
        sessions=seen.sessions,
        entries=[_shown(each, config.github_web_url) for each in seen.log[:SHOWN_ENTRIES]],
        entry_count=len(seen.log),
        kept_days=max(1, config.audit_seconds // (24 * 3600)),
        is_kept=config.audit_seconds > 0,
        retention_days=max(1, config.retention_seconds // (24 * 3600)),
        minutes=LIFETIME_SECONDS // 60,
        revoke_url=config.github_revoke_url,
        time_of=_time,
    )


async def audit_export(request: Request) -> Response:
    """The whole log as JSON, to keep."""
    signed_in = account_session(request)
    try:
        seen = await _read(request, signed_in)
    except StateUnavailable as error:
        return oauth_error_response(state_unavailable(error))
    if signed_in is None or seen is None:
        return _not_signed_in_json(request)
    response = json_response({"login": signed_in.login, "entries": _entries(seen)})
    response.headers["Content-Disposition"] = 'attachment; filename="gist-mcp-audit.json"'
    return response


async def _read(request: Request, signed_in: AccountSession | None) -> Overview | None:
    """`None` if nobody is signed in, or not any more. Raises `StateUnavailable`."""
    deps: Deps = request.app.state.deps
    if signed_in is None:
        return None
    return await read_overview(deps, deps.reboot_context(request), signed_in)


def _not_signed_in(request: Request) -> Response:
    if not wants_page(request):
        return _not_signed_in_json(request)
    return page("account_sign_in.html", status_code=401, sign_in_path=SIGN_IN_PATH)


def _not_signed_in_json(request: Request) -> Response:
    deps: Deps = request.app.state.deps
    text = f"Sign in with a browser at {deps.config.public_url}{SIGN_IN_PATH} first."
    return oauth_error_response(OAuthError("login_required", text, status_code=401))


def _as_json(signed_in: AccountSession, seen: Overview) -> dict[str, object]:
    return {
        "login": signed_in.login,
        "clients": [
            {
                "client": each.client_name,
                "since": _time(each.issued_at_seconds),
                "renewed": _time(each.renewed_at_seconds),
            }
            for each in seen.clients
        ],
        "sessions": [
            {"client": each.client_name, "opened": _time(each.opened_at_seconds)}
            for each in seen.sessions
        ],
        "entries": _entries(seen),
    }


def _entries(seen: Overview) -> list[dict[str, str]]:
    """The log as it is exported: what does not apply to an entry is left out."""
    return [
        {
            name: value
            for name, value in {
                "time": _time(each.at_seconds),
                "event": each.event,
                "tool": each.tool,
                "gist_id": each.gist_id,
                "url": each.url,
                "client": each.client,
                "outcome": each.outcome,
            }.items()
            if value
        }
        for each in seen.log
    ]


def _shown(entry: Entry, github_web_url: str) -> dict[str, Any]:
    """An entry in the words of the page."""
    # Only addresses of GitHub's become links. A scheme such as `javascript:` would run a script,
    # were it not for the policy of the page.
    is_link = entry.url.startswith(("https://", f"{github_web_url}/"))
    is_call = entry.event == TOOL_CALL
    return {
        "what": entry.tool if is_call else EVENTS.get(entry.event, entry.event),
        "is_call": is_call,
        "outcome": OUTCOMES.get(entry.outcome, entry.outcome),
        "url": entry.url if is_link else "",
        "gist_id": entry.gist_id,
        "client": entry.client,
        "at_seconds": entry.at_seconds,
    }


def _time(seconds: int) -> str:
    """Such as `2026-11-28T23:10:00Z` (RFC 3339)."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
