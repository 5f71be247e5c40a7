"""The answers that fault points give in the application's place."""

import json

from starlette.responses import Response

from github_simulator.control.exchange import Exchange
from github_simulator.control.faults import FaultRule
from github_simulator.oauth.credentials import find_token
from github_simulator.rest.answers import error_body
from github_simulator.simulator import Simulator

DEFAULT_RESET_SECONDS = 60.0
ECHOED_BYTES = 4000

SECONDARY_LIMIT = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


def fault_answer(rule: FaultRule, exchange: Exchange, simulator: Simulator) -> Response:
    """The answer for a fault of kind `status_*`, `rate_limit_*` or `echo_token`."""
    if rule.kind == "rate_limit_primary":
        return _primary_limit(rule, exchange, simulator)
    if rule.kind == "rate_limit_secondary":
        headers = dict(rule.headers)
        if rule.retry_after_seconds is not None:
            headers["retry-after"] = str(rule.retry_after_seconds)
        return _json(rule.status or 403, SECONDARY_LIMIT, headers)
    if rule.kind == "echo_token":
        return _json(rule.status or 400, _echo(exchange), rule.headers)
    if rule.body is not None:
        headers = {"content-type": "text/html; charset=utf-8", **rule.headers}
        return Response(rule.body, rule.status or 502, headers)
    return _json(rule.status or 502, "Server Error", rule.headers)


def _primary_limit(rule: FaultRule, exchange: Exchange, simulator: Simulator) -> Response:
    token = find_token(simulator, exchange.token_sha256)
    limit = simulator.settings.user_rate_limit
    reset = int(simulator.clock.now() + (rule.seconds or DEFAULT_RESET_SECONDS))
    headers = {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": "0",
        "x-ratelimit-used": str(limit),
        "x-ratelimit-reset": str(reset),
        "x-ratelimit-resource": "core",
        **rule.headers,
    }
    who = f"user ID {token.user_id}" if token else "127.0.0.1"
    return _json(rule.status or 403, f"API rate limit exceeded for {who}.", headers)


def _echo(exchange: Exchange) -> str:
    """What a careless proxy would write into its error page: the caller's own secrets."""
    authorization = exchange.headers.get("authorization", "")
    body = exchange.body[:ECHOED_BYTES].decode("utf-8", "replace")
    return f"Cannot handle request with Authorization: {authorization} and body: {body}"


def _json(status: int, message: str, headers: dict[str, str]) -> Response:
    content = json.dumps(error_body(status, message))
    return Response(content, status, {"content-type": "application/json; charset=utf-8", **headers})
