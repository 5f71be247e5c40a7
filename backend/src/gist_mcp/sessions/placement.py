"""Which server process owns a session: the one that Reboot gives the session's state to."""

from typing import Any

from rebootdev.aio.types import StateRef, StateTypeName

from gist_mcp.principal import McpSessionId

SESSION_TYPE = StateTypeName("gist_state.v1.McpSession")


class _Process:
    """This process, as Reboot's placement names it. Empty until Reboot has told."""

    application_id: Any = None
    server_id: Any = None
    placement_client: Any = None


def note_process(*, application_id: Any, server_id: Any, placement_client: Any) -> None:
    """Records which process this is. Called when Reboot makes the servicers of the process."""
    _Process.application_id = application_id
    _Process.server_id = server_id
    _Process.placement_client = placement_client


def is_owned_here(session_id: McpSessionId) -> bool:
    """True if the session's state, and with it all of the session, is this process's."""
    if _Process.placement_client is None:
        return False
    owner = _Process.placement_client.server_for_actor(
        _Process.application_id, StateRef.from_id(SESSION_TYPE, session_id)
    )
    return bool(owner == _Process.server_id)


def state_ref(session_id: McpSessionId) -> str:
    """The session's value of Reboot's header for the state of a request."""
    return f"{SESSION_TYPE}:{session_id}"
