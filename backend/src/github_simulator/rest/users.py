"""`/user`, `/users/NAME`, `/rate_limit` and `/versions`."""

from github_simulator.choices import PRIVATE_PROFILE_SCOPE
from github_simulator.rest.answers import Answer, JsonObject, not_found
from github_simulator.rest.call import Call, window_of
from github_simulator.rest.limits import Window
from github_simulator.rest.user_bodies import private_user, public_user


def get_authenticated_user(call: Call) -> Answer:
    """GET /user."""
    form = private_user if call.caller.has_scope(PRIVATE_PROFILE_SCOPE) else public_user
    return Answer(200, form(call, call.account), last_modified=call.account.created_at)


def get_user(call: Call) -> Answer:
    """GET /users/NAME. Managed users are shown to members of their enterprise only."""
    account = call.simulator.world.account_by_login(call.path["login"])
    if account is None:
        raise not_found()
    is_colleague = call.caller.account is not None and call.caller.account.is_managed
    if account.is_managed and not is_colleague:
        raise not_found()
    return Answer(200, public_user(call, account))


def get_rate_limit(call: Call) -> Answer:
    """GET /rate_limit; costs nothing."""
    window = window_of(call.simulator, call.caller)
    if window is None:
        raise not_found()
    core = _rate(window)
    body: JsonObject = {"resources": {"core": core}}
    return Answer(200, body if call.is_2026 else {**body, "rate": core})


def _rate(window: Window) -> JsonObject:
    return {
        "limit": window.limit,
        "used": window.used,
        "remaining": window.remaining,
        "reset": int(window.resets_at),
    }


def get_versions(call: Call) -> Answer:
    """GET /versions."""
    return Answer(200, list(call.simulator.product.api_versions))
