"""Which server process owns what: the one that Reboot gives the state to.

All sessions of an account are where the account's own state is. So one process has all that is
counted, remembered and shared for an account.
"""

from typing import Final

from gist_mcp.framework.placement import owns, shard_of
from gist_mcp.framework.private_names import StateTypeName
from gist_mcp.principal import McpSessionId

SESSION_TYPE: Final = StateTypeName("gist_state.v1.McpSession")
ACCOUNT_TYPE: Final = StateTypeName("gist_state.v1.Account")


def is_owned_here(session_id: McpSessionId) -> bool:
    """True if the session's state, and with it all of the session, is this process's."""
    return owns(SESSION_TYPE, session_id)


def is_account_here(account: str) -> bool:
    """True if the account's state is this process's."""
    return owns(ACCOUNT_TYPE, account)


def is_beside(session_id: McpSessionId, account: str) -> bool:
    """True if the session's state is in the shard of the account's: always in one process."""
    shard = shard_of(ACCOUNT_TYPE, account)
    return shard is not None and shard_of(SESSION_TYPE, session_id) == shard


def state_ref(session_id: McpSessionId) -> str:
    """The session's value of Reboot's header for the state of a request."""
    return f"{SESSION_TYPE}:{session_id}"


def account_state_ref(account: str) -> str:
    """The account's value of Reboot's header for the state of a request."""
    return f"{ACCOUNT_TYPE}:{account}"


def account_of(state_ref: str) -> str:
    """The account that `account_state_ref` was made for."""
    return state_ref.removeprefix(f"{ACCOUNT_TYPE}:")
