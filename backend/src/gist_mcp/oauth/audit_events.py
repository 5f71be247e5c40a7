"""The audit log's entries of grants: a client got access, lost it, or gave it back."""

from reboot.aio.external import ExternalContext

from gist_mcp.clients.client import Client, display_name
from gist_mcp.deps import Deps
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.audit_log import DONE
from gist_mcp.sessions.audit import Entry
from gist_mcp.tokens.grants import account_id


async def note_event(
    deps: Deps,
    context: ExternalContext,
    event: str,
    client: Client,
    *,
    user_id: GitHubUserId,
    grant_id: str,
    outcome: str = DONE,
) -> None:
    """One entry for this event of this grant, however often it is noted."""
    await deps.audit.note(
        context,
        account_id(deps.config.github_web_url, user_id),
        Entry(
            event=event,
            outcome=outcome,
            client=display_name(client.name),
            source=f"{event}\n{grant_id}",
        ),
    )
