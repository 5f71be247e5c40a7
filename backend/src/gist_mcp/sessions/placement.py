"""Which server process owns a session: the one that Reboot gives the session's state to."""

from typing import Final

from gist_mcp.framework.placement import owns
from gist_mcp.framework.private_names import StateTypeName
from gist_mcp.principal import McpSessionId

SESSION_TYPE: Final = StateTypeName("gist_state.v1.McpSession")


def is_owned_here(session_id: McpSessionId) -> bool:
    """True if the session's state, and with it all of the session, is this process's."""
    return owns(SESSION_TYPE, session_id)


def state_ref(session_id: McpSessionId) -> str:
    """The session's value of Reboot's header for the state of a request."""
    return f"{SESSION_TYPE}:{session_id}"
