"""One REST call, as an endpoint sees it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from github_simulator.model import Account, Token
from github_simulator.oauth.scopes import covers
from github_simulator.rest.answers import ApiError, JsonObject
from github_simulator.rest.limits import Window
from github_simulator.simulator import Simulator

DEFAULT_API_VERSION = "2022-11-28"
NEWEST_API_VERSION = "2026-03-10"


@dataclass(frozen=True)
class Caller:
    """Who calls: a user's token, the app with its secret, or nobody."""

    token: Token | None = None
    account: Account | None = None
    is_app: bool = False

    def has_scope(self, scope: str) -> bool:
        """True if the token covers the scope; on fine-grained tokens it is a permission."""
        return self.token is not None and covers(self.token.scopes, scope)


@dataclass(frozen=True)
class Call:
    """A request that passed the checks in front of all endpoints."""

    simulator: Simulator
    method: str
    api_version: str
    caller: Caller
    base_url: str
    api_url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: bytes = field(repr=False)

    @property
    def account(self) -> Account:
        """The caller's account; for endpoints that need one."""
        assert self.caller.account is not None
        return self.caller.account

    @property
    def now(self) -> float:
        """The simulator's time."""
        return self.simulator.clock.now()

    @property
    def is_2026(self) -> bool:
        """True for the shapes of version 2026-03-10."""
        return self.api_version == NEWEST_API_VERSION

    @property
    def wants_base64(self) -> bool:
        """True if file contents are to be encoded."""
        return "application/vnd.github.base64+json" in self.headers.get("accept", "")

    def json_object(self) -> JsonObject:
        """The body, {} if there is none. Raises `ApiError` 400 as GitHub does."""
        if not self.body:
            return {}
        try:
            value = json.loads(self.body)
            if b"\\u" in self.body:
                json.dumps(value, ensure_ascii=False).encode()  # finds lone surrogates
        except (ValueError, RecursionError):
            raise ApiError(400, "Problems parsing JSON") from None
        if not isinstance(value, dict):
            raise ApiError(400, "Body should be a JSON object")
        return value


def window_of(simulator: Simulator, caller: Caller) -> Window | None:
    """The caller's hour of the primary limit; None where limits are off."""
    settings, now = simulator.settings, simulator.clock.now()
    if not settings.rate_limits:
        return None
    if caller.account is not None:
        who = f"user {caller.account.user_id}"
        return simulator.limits.window(who, settings.user_rate_limit, now)
    if caller.is_app:
        return simulator.limits.window("app", settings.app_rate_limit, now)
    return simulator.limits.window("address", settings.anonymous_rate_limit, now)
