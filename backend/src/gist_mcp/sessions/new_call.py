"""A tool call as its client has sent it, and what is stored of it.

The client chooses the JSON-RPC id: a text with any characters, a number beyond what a double holds,
and with some clients `1` for every request. So each call gets an id of our own. It is the id of the
call's workflow, and its events are named after it.
"""

import functools
import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final

REQUEST_ID_BYTES: Final = 16
"""128 random bits: never the same twice, and nothing that a client could have chosen."""

_ESCAPE: Final = re.compile(r"\\(?:u00(?P<control>[01][0-9a-f])|.)")
"""An escape in a JSON text. All are matched, so that the backslash of none begins another."""


@dataclass(frozen=True, kw_only=True)
class NewCall:
    """A call as the client sent it. `progress_token` is JSON.

    `request_id` is our id for it, unless it repeats another. `may_repeat` is false for a tool that
    only reads: a repeated request reads again. `can_be_asked`: the client shows questions, and
    takes the event stream on which they are sent.
    """

    request_id: str
    json_rpc_id: str | int
    name: str
    arguments: dict[str, Any]
    progress_token: str | None
    may_repeat: bool
    login: str
    can_be_asked: bool = False

    @functools.cached_property
    def arguments_text(self) -> str:
        """The arguments as they are stored until the call ends."""
        return arguments_text(self.arguments)

    @property
    def stored_bytes(self) -> int:
        """How much of the call is stored until it ends: see `stored_bytes`."""
        return stored_bytes(self.arguments_text)


def new_request_id() -> str:
    """An id of ours for a call."""
    return secrets.token_hex(REQUEST_ID_BYTES)


def arguments_text(arguments: dict[str, Any]) -> str:
    """The arguments of a call as JSON whose texts hold control characters as they are.

    Escaped, a text can be six times as long, and the call more than a gRPC message takes.
    """
    text = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPE.sub(_unescaped_control, text)


def stored_bytes(text: str) -> int:
    """How many bytes a text of a call takes in durable state: its arguments, or its response.

    The names, ids, times and progress token that are stored with it are not counted: some hundred
    bytes, and 3 KiB at most.
    """
    return len(text.encode())


def arguments_of(text: str) -> dict[str, Any]:
    """The arguments that `arguments_text` wrote."""
    arguments: dict[str, Any] = json.loads(text, strict=False)
    return arguments


def _unescaped_control(escape: re.Match[str]) -> str:
    return escape[0] if escape["control"] is None else chr(int(escape["control"], 16))


def request_digest(name: str, arguments: dict[str, Any]) -> str:
    """SHA-256 of a call: recognizes it without its arguments."""
    essence = json.dumps([name, arguments], sort_keys=True)
    return hashlib.sha256(essence.encode()).hexdigest()
