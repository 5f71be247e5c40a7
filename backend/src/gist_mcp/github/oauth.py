"""GitHub's OAuth endpoints, with this server as their client (RFC 6749, RFC 7636).

GitHub answers a refusal with status 200 and an `error` in the body, so the body decides.
"""

import re
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from gist_mcp.constants import GITHUB_CALL_TIMEOUT_SECONDS
from gist_mcp.errors import GistMcpError, GitHubRefusesServer, SignInRequired
from gist_mcp.github.answer import Answer, Asker, Call, split_scopes
from gist_mcp.github.client import USER_AGENT
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.http import exchange
from gist_mcp.github.models import TokenGrant
from gist_mcp.github.redaction import redact
from gist_mcp.github.responses import interpret
from gist_mcp.github.wire import Unreadable, WireTokenAnswer, parse

MAX_CODE_CHARACTERS = 512
"""GitHub's codes have 20 characters and are opaque; what is longer is not one."""

_POSSIBLE_CODE = re.compile(rf"[A-Za-z0-9._~+/=-]{{10,{MAX_CODE_CHARACTERS}}}\Z")
"""The characters of URLs and of base 64. A shorter one could be guessed (RFC 6749, 10.10)."""

_PLAUSIBLE_CODE = re.compile(r"[0-9a-f]{20}\Z")

_TOKEN = Call(success=frozenset({200}), asker=Asker.APP)
_MAX_ANSWER_BYTES = 64 * 1024

_OPERATORS_FAULT = frozenset(
    {
        "application_suspended",
        "incorrect_client_credentials",
        "redirect_uri_mismatch",
        "unsupported_grant_type",
    }
)


class CodeRefused(GistMcpError):
    """GitHub gives no token for an authorization code. The person starts again.

    `code` is GitHub's error code, for example `bad_verification_code`.
    """

    def __init__(self, code: str, log_reason: str) -> None:
        super().__init__(
            "GitHub did not accept the sign-in. Start it again.", log_reason=log_reason
        )
        self.code = code

    @property
    def is_spent(self) -> bool:
        """True for a code that was exchanged before, or is too old: GitHub does not say which."""
        return self.code == "bad_verification_code"

    @property
    def operator_must_act(self) -> bool:
        """True if starting again is no use: the OAuth App is not set up as we believe."""
        return self.code in _OPERATORS_FAULT


class GitHubOAuth:
    """One OAuth App at one GitHub host."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        web_url: str,
        client_id: str,
        client_secret: SecretStr,
        callback_url: str,
        clock: Callable[[], float] = time.time,
        timeout_seconds: float = GITHUB_CALL_TIMEOUT_SECONDS,
    ) -> None:
        self._http = http
        self._web_url = web_url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._callback_url = callback_url
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    def authorize_url(
        self, *, state: str, code_challenge: str, scopes: Iterable[str], prompt: str | None = None
    ) -> str:
        """Where the browser goes to sign in (GitHub, authorizing OAuth apps; PKCE with S256).

        `prompt="select_account"` makes GitHub ask which account to use.
        """
        query = {
            "client_id": self._client_id,
            "redirect_uri": self._callback_url,
            "scope": " ".join(scopes),
            "state": state,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
        }
        if prompt is not None:
            query["prompt"] = prompt
        return f"{self._web_url}/login/oauth/authorize?{urlencode(query)}"

    async def exchange_code(self, *, code: str, code_verifier: str) -> TokenGrant:
        """The tokens for an authorization code. Never repeated: a code works once.

        Raises `CodeRefused` for every refusal, `RateLimited`, and `GitHubUnavailable` if the
        answer was lost, in which case the code may be spent.
        """
        if not is_possible_code(code):
            raise CodeRefused("bad_verification_code", "what came back is not a code of GitHub")
        answer = await self._ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._callback_url,
                "code_verifier": code_verifier,
            },
            secrets=(code, code_verifier),
        )
        if answer.error is not None:
            raise CodeRefused(answer.error, self._log_reason(answer, code, code_verifier))
        return _grant(answer)

    async def refresh(self, refresh_token: GitHubToken) -> TokenGrant:
        """New tokens for a refresh token; both old ones stop working at once.

        Must be called once at a time for a token. Raises `SignInRequired` if GitHub refuses
        the token, `RateLimited`, and `GitHubUnavailable` (`GitHubRefusesServer` if GitHub
        refuses the app). If the answer was lost, the old token may be spent, and trying again
        tells.
        """
        value = refresh_token.reveal()
        answer = await self._ask(
            {"grant_type": "refresh_token", "refresh_token": value}, secrets=(value,)
        )
        if answer.error in _OPERATORS_FAULT:
            raise GitHubRefusesServer(self._log_reason(answer, value))
        if answer.error is not None:
            raise SignInRequired(
                "The sign-in at GitHub has expired. Sign in again.",
                log_reason=self._log_reason(answer, value),
            )
        return _grant(answer)

    async def _ask(self, fields: dict[str, str], *, secrets: tuple[str, ...]) -> WireTokenAnswer:
        """The token endpoint's answer, with an error or with an access token in it."""
        secret = self._client_secret.get_secret_value()
        # In the body and never in the URL, which proxies and servers write to their logs.
        content = urlencode(fields | {"client_id": self._client_id, "client_secret": secret})
        request = self._http.build_request(
            "POST",
            f"{self._web_url}/login/oauth/access_token",
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
                "User-Agent": USER_AGENT,
            },
            content=content,
        )
        answer = await exchange(
            self._http,
            _TOKEN,
            request,
            timeout_seconds=self._timeout_seconds,
            max_bytes=_MAX_ANSWER_BYTES,
        )
        refused = _refusal_with_status(answer)
        if refused is not None:
            return refused
        now = self._clock()
        return interpret(_TOKEN, answer, _read_token_answer, now=now, secrets=(secret, *secrets))

    def _log_reason(self, answer: WireTokenAnswer, *secrets: str) -> str:
        secrets = (self._client_secret.get_secret_value(), *secrets)
        description = redact(answer.error_description or "", secrets=secrets)
        return f"GitHub's token endpoint answered {answer.error}: {description}"


def is_possible_code(text: str) -> bool:
    """False for what cannot be an authorization code of GitHub."""
    return _POSSIBLE_CODE.match(text) is not None


def is_plausible_code(text: str) -> bool:
    """True for the form that GitHub's codes have today. Formats change: none is refused for it."""
    return _PLAUSIBLE_CODE.match(text) is not None


def expected_issuer(web_url: str) -> str:
    """What `iss` in an authorization response of that host must be (RFC 9207)."""
    return f"{web_url.rstrip('/')}/login/oauth"


def is_expected_issuer(iss: str | None, web_url: str) -> bool:
    """True if `iss` is right or absent: GitHub began sending it in 2026, Enterprise Server
    may not.
    """
    return iss is None or iss == expected_issuer(web_url)


def _read_token_answer(answer: Answer) -> WireTokenAnswer:
    wire = parse(WireTokenAnswer, answer.body)
    if wire.error is not None:
        # Error codes of OAuth are words (RFC 6749, 5.2); anything else is not shown.
        is_word = wire.error.isascii() and wire.error.replace("_", "").isalnum()
        code = redact(wire.error, max_characters=64) if is_word else "unknown"
        return wire.model_copy(update={"error": code})
    # A client must not use a token of a type it does not know (RFC 6749, 7.1).
    if wire.access_token is None or (wire.token_type or "").lower() != "bearer":
        raise Unreadable("no bearer token")
    return wire


def _refusal_with_status(answer: Answer) -> WireTokenAnswer | None:
    """A refusal that came with a 4xx after all, as OAuth has it; 404 is an unknown client id
    (GitHub, observed).
    """
    if answer.status == 404:
        return WireTokenAnswer(error="incorrect_client_credentials")
    if answer.status not in (400, 401):
        return None
    try:
        wire = _read_token_answer(answer)
    except Unreadable:
        return None
    return wire if wire.error is not None else None


def _grant(wire: WireTokenAnswer) -> TokenGrant:
    access_token = GitHubToken(wire.access_token or "")
    scopes = None if wire.scope is None else split_scopes(wire.scope)
    if access_token.has_permissions:
        # For a GitHub App's token `scope` is always empty (GitHub Docs, user access tokens).
        scopes = scopes or None
    return TokenGrant(
        access_token=access_token,
        token_type="bearer",
        scopes=scopes,
        expires_in_seconds=wire.expires_in,
        refresh_token=None if wire.refresh_token is None else GitHubToken(wire.refresh_token),
        refresh_token_expires_in_seconds=wire.refresh_token_expires_in,
    )
