"""What stands before and after every REST endpoint: checks, limits, headers, ETags."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from github_simulator import choices
from github_simulator.products import API_PREFIX
from github_simulator.rest import secondary_limits
from github_simulator.rest.answers import Answer, ApiError, PlainError, not_found
from github_simulator.rest.authentication import authenticate
from github_simulator.rest.call import (
    DEFAULT_API_VERSION,
    Call,
    Caller,
    window_of,
)
from github_simulator.rest.limits import Window
from github_simulator.simulator import base_url_of, simulator_of

_CONDITIONS = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"})

Endpoint = Callable[[Call], Answer]
Need = Literal["nothing", "user", "gist_write", "app"]


@dataclass(frozen=True)
class Operation:
    """One REST operation: where it is, what it does and what it needs."""

    method: str
    path: str
    endpoint: Endpoint
    needs: Need = "nothing"
    is_counted: bool = True
    creates_content: bool = False
    accepted_scopes: tuple[str, ...] = ()


class Reply:
    """The headers of one answer, collected while the request is checked."""

    def __init__(self, request: Request) -> None:
        product = simulator_of(request).product
        version = request.headers.get("x-github-api-version", DEFAULT_API_VERSION)
        parts = (secrets.token_hex(size).upper() for size in (2, 3, 3, 3, 4))
        self.caller = Caller()
        self.window: Window | None = None
        self.api_version = version
        self.headers = {
            "x-github-request-id": ":".join(parts),
            "x-github-media-type": "github.v3; format=json",
            "vary": "Accept, Authorization, Cookie, X-GitHub-OTP",
            "access-control-allow-origin": "*",
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'",
            "referrer-policy": "origin-when-cross-origin, strict-origin-when-cross-origin",
            **product.headers,
        }
        if version in product.api_versions:
            self.headers["x-github-api-version-selected"] = version

    def finish(self, status: int, content: bytes, media_type: str) -> Response:
        """The response with everything collected."""
        limits = self.window.headers() if self.window is not None else {}
        headers = {**self.headers, **limits}
        if content:
            headers["content-type"] = media_type
        return Response(content, status, headers)


async def run(request: Request, operation: Operation | None) -> Response:
    """Checks, the endpoint, and its answer; None as operation is an unknown address."""
    reply = Reply(request)
    body = await request.body()
    try:
        call = _checked_call(request, operation, reply, body)
        if operation is None:
            raise not_found()
        answer = await _answer(call, operation)
    except PlainError as error:
        return reply.finish(error.status, error.text.encode(), "text/html; charset=utf-8")
    except ApiError as error:
        content = json.dumps(error.body).encode()
        reply.headers.update(error.headers)
        return reply.finish(error.status, content, "application/json; charset=utf-8")
    return _finished(call, answer, reply)


def _checked_call(request: Request, operation: Operation | None, reply: Reply, body: bytes) -> Call:
    """The call, if it may go on. Raises `ApiError` and `PlainError`."""
    simulator = simulator_of(request)
    if not request.headers.get("user-agent"):
        raise PlainError(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a "
            "User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-"
            "rest-api#user-agent-required). Check https://developer.github.com for other "
            "possible causes.\n",
        )
    if reply.api_version not in simulator.product.api_versions:
        raise ApiError(400, f'Version "{reply.api_version[:40]}" is not supported.')
    is_prefixed = request.url.path.startswith(API_PREFIX + "/")
    prefix = API_PREFIX if is_prefixed else ""
    if prefix not in simulator.product.api_prefixes:
        raise not_found()
    reply.caller = authenticate(simulator, request.headers)
    if reply.caller == Caller() and not simulator.product.answers_strangers:
        raise ApiError(choices.STRANGER_STATUS, choices.STRANGER_MESSAGE)
    _add_caller_headers(operation, reply)
    is_counted = operation is None or operation.is_counted
    reply.window = window_of(simulator, reply.caller)
    if reply.window is not None and is_counted:
        _count(reply.window, reply.caller)
    if operation is not None:
        _check_need(operation, reply.caller)
        if operation.needs == "gist_write" and not simulator.product.has_gists:
            raise ApiError(choices.NO_GISTS_STATUS, choices.NO_GISTS_MESSAGE)
    _check_conditions(request)
    base_url = base_url_of(request)
    return Call(
        simulator=simulator,
        method=request.method,
        api_version=reply.api_version,
        caller=reply.caller,
        base_url=base_url,
        api_url=base_url + prefix,
        path=request.path_params,
        query=request.query_params,
        headers=request.headers,
        body=body,
    )


def _add_caller_headers(operation: Operation | None, reply: Reply) -> None:
    token = reply.caller.token
    accepted = operation.accepted_scopes if operation else ()
    if token is None:
        return
    if token.has_permissions:
        level = "write" if accepted else "read"
        reply.headers["x-accepted-github-permissions"] = f"gists={level}"
        return
    reply.headers["x-oauth-scopes"] = ", ".join(token.scopes)
    reply.headers["x-accepted-oauth-scopes"] = ", ".join(accepted)
    if token.client_id is not None:
        reply.headers["x-oauth-client-id"] = token.client_id


def _count(window: Window, caller: Caller) -> None:
    if window.remaining == 0:
        who = f"user ID {caller.account.user_id}" if caller.account else "127.0.0.1"
        raise ApiError(choices.PRIMARY_LIMIT_STATUS, f"API rate limit exceeded for {who}.")
    window.used += 1


def _check_need(operation: Operation, caller: Caller) -> None:
    if operation.needs == "app" and not caller.is_app:
        raise not_found()
    if operation.needs in ("user", "gist_write") and caller.account is None:
        raise ApiError(401, "Requires authentication")
    if operation.needs == "gist_write" and not caller.has_scope("gist"):
        if caller.token is not None and caller.token.has_permissions:
            whose = "integration" if caller.token.kind == "app_user" else "personal access token"
            raise ApiError(403, f"Resource not accessible by {whose}")
        raise not_found()


def _check_conditions(request: Request) -> None:
    # Only reads can be conditional: GitHub answers 400 to such a write.
    if request.method not in ("GET", "HEAD") and _CONDITIONS & {*request.headers.keys()}:
        raise ApiError(400, "Conditional request headers are not allowed in unsafe requests.")


async def _answer(call: Call, operation: Operation) -> Answer:
    """What the endpoint answers, if the user does not ask too much."""
    simulator = call.simulator
    account = call.caller.account
    user_id = account.user_id if account else None
    with simulator.limits.under_way(user_id) as at_once:
        if user_id is not None:
            secondary_limits.check(
                simulator,
                user_id,
                writes=call.method not in ("GET", "HEAD"),
                creates_content=operation.creates_content,
                at_once=at_once,
            )
        if simulator.settings.answer_seconds:
            await asyncio.sleep(simulator.settings.answer_seconds)
        return operation.endpoint(call)


def _finished(call: Call, answer: Answer, reply: Reply) -> Response:
    """The answer with its validators, or 304 if the caller has it already."""
    content = b"" if answer.body is None else json.dumps(answer.body).encode()
    reply.headers.update(answer.headers)
    if call.method in ("GET", "HEAD") and answer.status == 200:
        token = call.caller.token
        audience = "private" if token else "public"
        reply.headers["cache-control"] = f"{audience}, max-age=60, s-maxage=60"
        # Token-specific, as GitHub's: after a refresh every cached ETag is stale.
        seed = (token.digest if token else "").encode() + content
        etag = f'W/"{hashlib.sha256(seed).hexdigest()}"'
        reply.headers["etag"] = etag
        if answer.last_modified is not None:
            reply.headers["last-modified"] = formatdate(answer.last_modified, usegmt=True)
        if _is_unchanged(call.headers, etag, answer.last_modified):
            if token is not None and reply.window is not None:
                reply.window.used -= 1  # a 304 is free for an authorised request
            return reply.finish(304, b"", "")
    return reply.finish(answer.status, content, "application/json; charset=utf-8")


def _is_unchanged(headers: Headers, etag: str, last_modified: float | None) -> bool:
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return etag.removeprefix("W/") in known
    since = headers.get("if-modified-since")
    if since is None or last_modified is None:
        return False
    try:
        return int(last_modified) <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False
