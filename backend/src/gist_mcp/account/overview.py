"""What this server has of an account, for its owner: clients, sessions, and what was done.

All of it is durable state's. GitHub is not asked.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256

from reboot.aio.external import ExternalContext

from gist_mcp.deps import Deps
from gist_mcp.oauth.account_cookie import AccountSession
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.accounts import CountedSession, counted_sessions
from gist_mcp.sessions.audit import Entry
from gist_mcp.sessions.ownership import live_session
from gist_mcp.tokens import grants
from gist_mcp.tokens.grants import ClientGrant


@dataclass(frozen=True, kw_only=True)
class SeenSession:
    """An open MCP session. `name` tells it from the others, and is not its id."""

    session_id: McpSessionId
    name: str
    client_name: str
    opened_at_seconds: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What the page shows. The log is the newest first."""

    clients: tuple[ClientGrant, ...]
    sessions: tuple[SeenSession, ...]
    log: tuple[Entry, ...]


async def read_overview(
    deps: Deps, context: ExternalContext, signed_in: AccountSession
) -> Overview | None:
    """Everything, `None` if the person has signed out everywhere since.

    Raises `StateUnavailable`.
    """
    account = signed_in.person.account
    living = await living_grants(deps, context, signed_in)
    if living is None:
        return None
    sessions, log = await asyncio.gather(
        open_sessions(context, signed_in), deps.audit.read(context, account)
    )
    return Overview(clients=living, sessions=sessions, log=tuple(log))


async def living_grants(
    deps: Deps, context: ExternalContext, signed_in: AccountSession
) -> tuple[ClientGrant, ...] | None:
    """The clients that have access, the newest first; `None` as in `read_overview`."""
    account = signed_in.person.account
    living = await grants.living(context, account, now_seconds=int(deps.clock()))
    if signed_in.opened_at_seconds <= living.ended_at_seconds:
        return None
    return tuple(sorted(living.clients, key=lambda each: each.issued_at_seconds, reverse=True))


async def open_sessions(
    context: ExternalContext, signed_in: AccountSession
) -> tuple[SeenSession, ...]:
    """The sessions that are open, the newest first. Raises `StateUnavailable`."""
    counted = await counted_sessions(context, signed_in.person.account)
    seen = await asyncio.gather(*(_seen(context, signed_in, each) for each in counted))
    return tuple(each for each in reversed(seen) if each is not None)


async def _seen(
    context: ExternalContext, signed_in: AccountSession, counted: CountedSession
) -> SeenSession | None:
    live = await live_session(context, counted.session_id)
    person = signed_in.person
    # The account's own list has no session of anybody else's. Its owner is compared all the same,
    # as everywhere before something of a session is told or ended.
    if live is None or (live.issuer, live.user_id) != (person.issuer, person.user_id):
        return None
    return SeenSession(
        session_id=counted.session_id,
        # With the id and the owner's token one would be in the session: it has no place on a page.
        name=sha256(counted.session_id.encode()).hexdigest()[:16],
        client_name=live.client_name,
        opened_at_seconds=counted.opened_at_seconds,
    )
