"""Joins the parts into a Reboot `Application`. Tests call this too."""

import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr
from reboot.aio.applications import Application
from reboot.aio.external import ExternalContext
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request

from gist_mcp import process
from gist_mcp.clients.metadata_document import ClientDocuments
from gist_mcp.clients.registry import ClientRegistry
from gist_mcp.config import Config
from gist_mcp.deps import Deps
from gist_mcp.framework import private_names
from gist_mcp.framework.ended_tasks import keep_only_responses
from gist_mcp.framework.imported_tasks import keep_imported_tasks_waiting
from gist_mcp.framework.internal_ports import listen_on_this_machine_only
from gist_mcp.framework.placement import place_quickly
from gist_mcp.framework.state_tracers import name_no_state
from gist_mcp.framework.task_waits import keep_what_is_waited_for
from gist_mcp.github.client import GitHubClient
from gist_mcp.github.gist_contents import GistContentCache
from gist_mcp.github.http import make_http_client
from gist_mcp.github.oauth import GitHubOAuth
from gist_mcp.github.own_gists import OwnGists
from gist_mcp.github.pace import Pace
from gist_mcp.http.limits import SIGN_INS_RATE, SignInLimit
from gist_mcp.http.readiness import readiness
from gist_mcp.logs.printing import configure_logging
from gist_mcp.oauth.known_browser import known_account
from gist_mcp.process import (
    ProcessServices,
    close_when_the_process_ends,
    run_until_the_process_ends,
)
from gist_mcp.rate_limit import RateLimit
from gist_mcp.reboot_gateway import ask_admins_who_they_are, close_gateway, serve_nothing_else
from gist_mcp.routes import front_door
from gist_mcp.servicers.account import AccountServicer
from gist_mcp.servicers.allowed_users import AllowedUsersServicer
from gist_mcp.servicers.audit_log import AuditLogServicer
from gist_mcp.servicers.authorizers import FrontDoorVerifier
from gist_mcp.servicers.gist_ledger import GistLedgerServicer
from gist_mcp.servicers.grant import GrantsServicer
from gist_mcp.servicers.guess_budget import GuessBudgetServicer
from gist_mcp.servicers.known_token import KnownTokensServicer
from gist_mcp.servicers.process_call import ProcessCalls
from gist_mcp.servicers.sign_in import SignInsServicer
from gist_mcp.sessions import earlier_release
from gist_mcp.sessions.accounts import Accounts
from gist_mcp.sessions.admission import AccountLimits, Admission
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.audit_retention import AuditRetention
from gist_mcp.sessions.call_events import SessionEvents
from gist_mcp.sessions.credentials import CredentialVault
from gist_mcp.sessions.durable_mcp import ClosedDurableMCP, front_door_context, sdk_server
from gist_mcp.sessions.erasure import Erasure
from gist_mcp.sessions.internal_http import make_internal_http_client
from gist_mcp.sessions.lifecycle import SessionLifecycle
from gist_mcp.sessions.open_now import tell_what_is_open
from gist_mcp.sessions.retention import Retention
from gist_mcp.sessions.session_cache import SessionCache
from gist_mcp.telemetry import metrics
from gist_mcp.tokens.allowed_accounts import AllowedAccounts
from gist_mcp.tokens.allowed_records import (
    AllowedUserRecords,
    is_owned_here,
    reach_as_front_door,
)
from gist_mcp.tokens.deleted_pairs import DeletedPairs
from gist_mcp.tokens.github_refresh import GitHubRefreshes
from gist_mcp.tokens.guess_budget import GuessBudget
from gist_mcp.tokens.known_tokens import KnownTokens
from gist_mcp.tokens.refresh_limit import RefreshLimit
from gist_mcp.tokens.sealing import Sealer
from gist_mcp.tokens.verifier import BearerVerifier
from gist_mcp.tools.call_workflow import ToolCallingSessionServicer
from gist_mcp.tools.registry import TOOLS, register_tools
from gist_mcp.tools.tool_list import publish_our_schemas

SERVICERS = [
    AccountServicer,
    AllowedUsersServicer,
    AuditLogServicer,
    GistLedgerServicer,
    GrantsServicer,
    GuessBudgetServicer,
    KnownTokensServicer,
    ToolCallingSessionServicer,
    SignInsServicer,
]
"""Every state type of ours. DurableMCP brings its own."""


# On import, as Reboot's server processes make their web application from what they import, and then
# ask at once which of them owns what.
listen_on_this_machine_only()
serve_nothing_else()
ask_admins_who_they_are()
place_quickly()
keep_only_responses()
keep_imported_tasks_waiting()
keep_what_is_waited_for()
name_no_state()


def build_application(config: Config, *, incarnation: str) -> Application:
    """The application, ready to run. `incarnation` names this run of the deployment.

    Raises `FrameworkChanged` if Reboot or DurableMCP is not what this project was written for.
    """
    private_names.check()
    close_gateway(config)
    mcp = ClosedDurableMCP()
    register_tools(mcp)
    secret = front_door_secret(config)
    application = Application(
        servicers=[*SERVICERS, *mcp.servicers()],
        token_verifier=FrontDoorVerifier(SecretStr(secret)),
    )
    # Pickled into each server process, which builds its own clients and caches from it.
    application.http.mount(
        "/",
        factory=functools.partial(
            build_front_door, config, incarnation, mcp.streamable_http_app_factory
        ),
    )
    return application


def make_sealer(config: Config) -> Sealer:
    """The deployment's sealer."""
    return Sealer([key.get_secret_value() for key in config.token_keys])


def front_door_secret(config: Config) -> str:
    """What the front door shows to Reboot: the same in all processes, made from `TOKEN_KEYS`,
    never written anywhere."""
    return make_sealer(config).derive("reboot-front-door").hex()


def build_front_door(
    config: Config,
    incarnation: str,
    mcp_factory: Callable[..., Any],
    from_request: Callable[[Request], ExternalContext],
) -> Starlette:
    """The front door of one server process, with everything it shares."""
    configure_logging(config.log_level, config.log_format)
    secret = front_door_secret(config)
    sealer = make_sealer(config)
    http = make_http_client()
    internal_http = make_internal_http_client()
    close_when_the_process_ends(http, internal_http)
    pace = Pace(time.monotonic, asyncio.sleep) if config.github_rate_limits else None
    github = GitHubClient(http, config.github_api_url, pace=pace)
    calls = ProcessCalls(SecretStr(secret))
    guesses = GuessBudget(calls, time.time)
    known_tokens = KnownTokens(config, sealer, calls, time.time)
    allowed = AllowedAccounts(
        config=config,
        github=github,
        records=AllowedUserRecords(
            reach_as_front_door(SecretStr(secret)),
            issuer=config.github_web_url,
            incarnation=incarnation,
        ),
        is_looking_up=is_owned_here,
        clock=time.time,
    )
    run_until_the_process_ends(allowed.look_up_until_known(), name="look up allowed users")
    verifier = BearerVerifier(
        config=config,
        sealer=sealer,
        github=github,
        allowed=allowed,
        clock=time.time,
        guesses=guesses,
        known_tokens=known_tokens,
    )
    vault = CredentialVault(config.session_idle_seconds)
    events = SessionEvents()
    admission = Admission(
        AccountLimits(
            calls_in_flight=config.max_calls_in_flight,
            calls_per_minute=config.max_calls_per_minute,
            bytes_per_minute=config.max_bytes_per_minute,
        ),
        time.monotonic,
    )
    accounts = Accounts(
        max_sessions=config.max_sessions_per_account,
        max_stored_bytes=config.max_stored_bytes,
        retention_seconds=config.retention_seconds,
        clock=time.time,
    )
    audit = AuditLogs(kept_seconds=config.audit_seconds, clock=time.time, sealer=sealer)
    process.install(
        ProcessServices(
            config=config,
            sealer=sealer,
            github=github,
            own_gists=OwnGists(github),
            gist_contents=GistContentCache(github),
            verifier=verifier,
            vault=vault,
            events=events,
            admission=admission,
            accounts=accounts,
            audit=audit,
            reboot_secret=SecretStr(secret),
            clock=time.time,
            started_at_seconds=time.time(),
        )
    )
    sessions = SessionCache(config.session_idle_seconds, time.time)
    retention = Retention(
        sessions,
        SecretStr(secret),
        idle_seconds=config.session_idle_seconds,
        retention_seconds=config.retention_seconds,
        clock=time.time,
        on_freed=accounts.note,
    )
    run_until_the_process_ends(tell_what_is_open(sessions, admission), name="tell what is open")
    run_until_the_process_ends(retention.forget_idle_for_ever(), name="forget idle sessions")
    run_until_the_process_ends(retention.sweep_for_ever(), name="sweep over all sessions")
    audit_retention = AuditRetention(
        SecretStr(secret), kept_seconds=config.audit_seconds, clock=time.time
    )
    run_until_the_process_ends(audit_retention.sweep_for_ever(), name="sweep over all audit logs")
    earlier_release.reboot_secret = lambda: secret
    lifecycle = SessionLifecycle(
        sessions=sessions,
        accounts=accounts,
        admission=admission,
        vault=vault,
        events=events,
        clock=time.time,
    )
    deps = Deps(
        config=config,
        sealer=sealer,
        github=github,
        github_oauth=GitHubOAuth(
            http,
            web_url=config.github_web_url,
            client_id=config.github_client_id,
            client_secret=config.github_client_secret,
            callback_url=config.callback_url,
        ),
        clients=ClientRegistry(
            sealer,
            issuer=config.public_url,
            documents=ClientDocuments() if config.client_id_metadata_documents else None,
            retired_keys=[key.get_secret_value() for key in config.retired_token_keys],
        ),
        refreshes=GitHubRefreshes(clock=time.time),
        deleted_pairs=DeletedPairs(),
        guesses=guesses,
        known_tokens=known_tokens,
        garbage=RateLimit(SIGN_INS_RATE, time.monotonic),
        allowed=allowed,
        verifier=verifier,
        vault=vault,
        events=events,
        sessions=sessions,
        admission=admission,
        accounts=accounts,
        audit=audit,
        lifecycle=lifecycle,
        refresh_limit=RefreshLimit(time.monotonic),
        retention=retention,
        erasure=Erasure(retention, lifecycle, time.time),
        internal_http=internal_http,
        reboot_context=functools.partial(front_door_context, secret, from_request),
        incarnation=incarnation,
        clock=time.time,
    )
    server = sdk_server(mcp_factory, from_request)
    publish_our_schemas(server)
    metrics.begin_at_zero(entry.name for entry in TOOLS)
    app = front_door(deps, server, readiness(config, http, known_tokens))
    # Innermost, so that its answers carry the security headers too.
    app.user_middleware.append(
        Middleware(
            SignInLimit,
            trusted_proxies=config.trusted_proxies,
            clock=time.monotonic,
            known_account=functools.partial(
                known_account, sealer=sealer, is_secure=config.is_secure, clock=time.time
            ),
        )
    )
    return app
