"""How a change ended, in the audit log of the account: one entry, over all runs of its call."""

from gist_mcp import process
from gist_mcp.calls.call import RunningCall
from gist_mcp.servicers.audit_log import DONE
from gist_mcp.sessions.audit import TOOL_CALL, Entry
from gist_mcp.sessions.ledger import Change
from gist_mcp.tokens.grants import account_id


async def record_end(
    running: RunningCall, change: Change, outcome: str, *, gist_id: str, url: str = ""
) -> None:
    """Records the end of the call's change. May be repeated. Raises `StateUnavailable`.

    It is recorded together with the end in the ledger, and again by a call that finds its end
    there: a crash between the two leaves no change without an entry. `url` is the page of what was
    made.
    """
    # The intent's time tells the change from that of another day with the same key. What was not
    # made is the call's own affair: the next call with the key begins anew.
    made = f"change\n{change.write_id}\n{change.intended_at_seconds}" if outcome == DONE else ""
    await process.services().audit.record(
        running.reboot,
        account_id(running.issuer, running.user_id),
        Entry(
            event=TOOL_CALL,
            outcome=outcome,
            tool=running.tool_name,
            gist_id=gist_id,
            url=url,
            client=running.client_name,
            source=f"call\n{running.runner}",
            change=made,
        ),
        beside=change.write_id,
    )
