"""URL -> endpoint for a person's own account; part of the table in `gist_mcp.routes`."""

from typing import Final

from starlette.routing import Route

from gist_mcp.account.actions import disconnect, end_client, end_session, sign_out
from gist_mcp.account.page import account_page, audit_export
from gist_mcp.oauth.account_sign_in import ACCOUNT_PATH, SIGN_IN_PATH, begin_account_sign_in
from gist_mcp.oauth.erase_at_owner import ERASE_PATH, erase_sessions


def _get_without_head(route: Route) -> Route:
    # Starlette adds HEAD to every GET, and mail scanners send HEAD to every link that they see.
    route.methods = {"GET"}
    return route


ROUTES: Final[list[Route]] = [
    Route(ACCOUNT_PATH, account_page, methods=["GET"]),
    Route(f"{ACCOUNT_PATH}/audit.json", audit_export, methods=["GET"]),
    _get_without_head(Route(SIGN_IN_PATH, begin_account_sign_in, methods=["GET"])),
    Route(f"{ACCOUNT_PATH}/end-client", end_client, methods=["POST"]),
    Route(f"{ACCOUNT_PATH}/end-session", end_session, methods=["POST"]),
    Route(f"{ACCOUNT_PATH}/sign-out", sign_out, methods=["POST"]),
    # Of our own processes only.
    Route(ERASE_PATH, erase_sessions, methods=["POST"]),
    Route(f"{ACCOUNT_PATH}/disconnect", disconnect, methods=["POST"]),
]
