"""Which server process has a session, as Reboot and its Envoy decide it. Pure.

The name of the session's state is hashed with SHA-1, the hash falls into one of 64 equal ranges,
and the ranges go to the processes in turn.
"""

import hashlib

from gist_mcp.framework.private_names import OWN_NUMBER_OF_SHARDS, StateRef
from gist_mcp.principal import McpSessionId
from gist_mcp.sessions.placement import SESSION_TYPE


def server_process(session_id: str, server_processes: int) -> int:
    """The number of the process, from 0 on. `server_processes` is a power of 2."""
    name = StateRef.from_id(SESSION_TYPE, McpSessionId(session_id)).to_str()
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
    return digest[0] * OWN_NUMBER_OF_SHARDS // 256 % server_processes
