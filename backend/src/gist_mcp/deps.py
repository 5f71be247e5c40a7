"""The objects that all HTTP endpoints of one server process share."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from reboot.aio.external import ExternalContext
from starlette.requests import Request

from gist_mcp.clients.registry import ClientRegistry
from gist_mcp.config import Config
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.oauth import GitHubOAuth
from gist_mcp.rate_limit import RateLimit
from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import Admission
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.call_events import SessionEvents
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.sessions.erasure import Erasure
from gist_mcp.sessions.hop import Forwarding
from gist_mcp.sessions.lifecycle import SessionLifecycle
from gist_mcp.sessions.retention import Retention
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.tokens.allowed_accounts import AllowedAccounts
from gist_mcp.tokens.deleted_pairs import DeletedPairs
from gist_mcp.tokens.github_refresh import GitHubRefreshes
from gist_mcp.tokens.guess_budget import GuessBudget
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.refresh_limit import RefreshLimit
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier


@dataclass(frozen=True, kw_only=True)
class Deps:
    """The HTTP side of a server process; found by endpoints at `request.app.state.deps`.

    `reboot_context` makes a context that calls Reboot as the front door. `incarnation` names
    one run of the deployment: it changes with every start and is the same in all its server
    processes. `garbage` limits requests to the token endpoint that bring nothing of ours. `clock`
    gives Unix time in seconds.
    """

    config: Config
    sealer: Sealer
    github: GitHubClient
    github_oauth: GitHubOAuth
    clients: ClientRegistry
    refreshes: GitHubRefreshes
    deleted_pairs: DeletedPairs
    guesses: GuessBudget
    known_tokens: KnownTokens
    garbage: RateLimit
    allowed: AllowedAccounts
    verifier: BearerVerifier
    vault: CredentialVault
    events: SessionEvents
    sessions: SessionCache
    admission: Admission
    accounts: Accounts
    audit: AuditLogs
    lifecycle: SessionLifecycle
    refresh_limit: RefreshLimit
    retention: Retention
    erasure: Erasure
    internal_http: httpx.AsyncClient
    reboot_context: Callable[[Request], ExternalContext]
    incarnation: str
    clock: Callable[[], float]

    def forwarding(self) -> Forwarding:
        """How a request is forwarded to another process, now."""
        return Forwarding(
            client=self.internal_http,
            gateway_url=self.config.gateway_url,
            sealer=self.sealer,
            now_seconds=self.clock(),
        )
