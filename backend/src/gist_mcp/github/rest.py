"""One request to GitHub's REST API: headers, retries of reads, same-origin redirects."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace

import httpx
from pydantic import SecretStr
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from gist_mcp.errors import GitHubUnavailable, InvalidArgument, RateLimited, SignInRequired
from gist_mcp.github.answer import REDIRECTS, Answer, Call
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import exchange
from gist_mcp.github.pace import Pace
from gist_mcp.github.refusals import OUTAGE_WAIT_SECONDS, unavailable
from gist_mcp.github.responses import interpret
from gist_mcp.principal import GitHubUserId
from gist_mcp.telemetry import metrics
from gist_mcp.telemetry.metrics import Limit

API_VERSION = "2022-11-28"
"""GitHub supports it until 2028-03-10. The next one, 2026-03-10, reads the same here."""

READ_ATTEMPTS = 3
READ_RETRY_SECONDS = 8.0
"""No further attempt starts later than this after the first."""

MAX_REDIRECTS = 3


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whom a request speaks for. Hides itself like the token in it."""

    authorization: str | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    """What no text may show, should GitHub echo it."""
    has_permissions: bool = False
    """Instead of scopes."""
    token_digest: str | None = field(default=None, repr=False)
    """Names the person's token, whose limits the request uses."""


NOBODY = Identity(authorization=None, secrets=())


def as_user(token: GitHubToken) -> Identity:
    """With a person's token. Raises `SignInRequired` for what cannot be one."""
    value = token.reveal()
    if not value or not all("!" <= character <= "~" for character in value):
        raise SignInRequired("This is not a GitHub token. Sign in again.")
    return Identity(
        authorization=f"Bearer {value}",
        secrets=(value,),
        has_permissions=token.has_permissions,
        token_digest=token.digest(),
    )


def as_app(client_id: str, client_secret: SecretStr, *secrets: str) -> Identity:
    """As the OAuth App itself (GitHub: HTTP Basic with client id and secret)."""
    secret = client_secret.get_secret_value()
    credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return Identity(authorization=f"Basic {credentials}", secrets=(secret, credentials, *secrets))


def json_body(value: object, argument: str) -> bytes:
    """`value` as a request body. Raises `InvalidArgument` for text that UTF-8 cannot hold."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidArgument(argument, "has characters that are not valid Unicode.") from None


class RestApi:
    """Sends calls to one API host. `clock` gives Unix time, `sleep` waits between attempts.

    Without a `pace` it sends as fast as it is asked to.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str,
        *,
        user_agent: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        timeout_seconds: float,
        pace: Pace | None = None,
    ) -> None:
        self._http = http
        self._pace = pace
        self._api_url = api_url.rstrip("/")
        self._user_agent = user_agent
        self._clock = clock
        self._sleep = sleep
        self._timeout_seconds = timeout_seconds

    def is_of(self, token: GitHubToken, user_id: GitHubUserId) -> None:
        """GitHub has said whose the token is: its requests count for this user."""
        if self._pace is not None:
            self._pace.is_of(token.digest(), user_id)

    def url(self, path: str) -> str:
        """The address of a path of the API."""
        return self._api_url + path

    def is_ours(self, url: str) -> bool:
        """True if a token may be sent there: same scheme, host and port as the API, and no
        user name, which httpx would turn into an `Authorization` of its own.
        """
        try:
            target, api = httpx.URL(url), httpx.URL(self._api_url)
        except httpx.InvalidURL:
            return False
        return _origin(target) == _origin(api) and not target.userinfo

    def is_public(self, url: str) -> bool:
        """True if a request without token may go there: https, or the API's own origin, which
        has plain http only as a simulator.
        """
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        is_https = target.scheme == "https" and bool(target.host) and not target.userinfo
        return is_https or self.is_ours(url)

    async def send[T](
        self,
        call: Call,
        read: Callable[[Answer], T],
        method: str,
        url: str,
        identity: Identity,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        follow_redirects: bool = True,
    ) -> T:
        """The value that `read` finds in the answer.

        A read is tried up to three times while GitHub is unavailable. A write is sent once:
        only its caller can know whether sending it again is right. Each waits for its turn before.
        """
        all_headers = self._headers(identity, body) | dict(headers or {})

        async def once() -> T:
            async with self._turn(call, identity):
                most = MAX_REDIRECTS if follow_redirects and method == "GET" else 0
                answer = await self._exchange(call, method, url, all_headers, body, most)
                answer = replace(answer, to_permissions=identity.has_permissions)
                try:
                    return interpret(
                        call, answer, read, now=self._clock(), secrets=identity.secrets
                    )
                except RateLimited:
                    metrics.refused(Limit.GITHUB)
                    raise

        if call.writes:
            return await once()
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(READ_ATTEMPTS) | stop_before_delay(READ_RETRY_SECONDS),
            wait=wait_random_exponential(multiplier=0.5, max=4),
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(once)

    def _turn(self, call: Call, identity: Identity) -> AbstractAsyncContextManager[None]:
        if self._pace is None or identity.token_digest is None:
            return nullcontext()
        return self._pace.turn(identity.token_digest, writes=call.writes)

    async def _exchange(
        self,
        call: Call,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_redirects: int,
    ) -> Answer:
        """One exchange, and the redirects that stay on the API's origin."""
        for _ in range(max_redirects + 1):
            try:
                request = self._http.build_request(method, url, headers=headers, content=body)
            except httpx.InvalidURL:
                raise unavailable("an address that is not a URL") from None
            answer = await exchange(
                self._http, call, request, timeout_seconds=self._timeout_seconds
            )
            location = answer.headers.get("location", "")
            if not max_redirects or answer.status not in REDIRECTS or not location:
                return answer
            url = _joined(url, location)
            if not self.is_ours(url):
                # The token stays here (GitHub sends API redirects within the API only).
                raise unavailable("a redirect to another origin")
        raise unavailable("too many redirects")

    def _headers(self, identity: Identity, body: bytes | None) -> dict[str, str]:
        headers = {
            "Accept": "application/vnd.github+json",
            "User-Agent": self._user_agent,
            "X-GitHub-Api-Version": API_VERSION,
        }
        if identity.authorization is not None:
            headers["Authorization"] = identity.authorization
        if body is not None:
            headers["Content-Type"] = "application/json"
        return headers


def _is_passing(error: BaseException) -> bool:
    """True for a fault that a moment's wait may heal; not for one that the operator must."""
    return type(error) is GitHubUnavailable and error.retry_after_seconds <= OUTAGE_WAIT_SECONDS


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    default = {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, url.port or default


def _joined(url: str, location: str) -> str:
    try:
        return str(httpx.URL(url).join(location))
    except httpx.InvalidURL:
        return ""
