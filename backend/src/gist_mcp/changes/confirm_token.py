"""The token with which a client that cannot ask its person confirms a change. Pure rules.

It is sealed for one account, one tool and exactly one content, and tells nothing but until when it
is good. It is no secret: whoever has it can do nothing that its account could not ask for anyway.
What it makes sure of is that the change which is carried out is the one that was shown.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from gist_mcp.constants import CONFIRM_LIFETIME_SECONDS
from gist_mcp.errors import Conflict
from gist_mcp.tokens.sealing import SealBroken, Sealer

MAX_CONFIRM_TOKEN_CHARACTERS: Final = 200

_PURPOSE: Final = "confirm"
_EXPIRES_AT: Final = struct.Struct(">Q")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What a token is bound to. `account` is `grants.account_id`, `digest` stands for all that the
    person is shown and for the content.
    """

    account: str
    tool: str
    digest: str

    @property
    def _context(self) -> str:
        return "\n".join((self.account, self.tool, self.digest))

    def token(self, sealer: Sealer, *, now_seconds: float) -> str:
        """A new token for it."""
        expires_at_seconds = int(now_seconds) + CONFIRM_LIFETIME_SECONDS
        payload = _EXPIRES_AT.pack(expires_at_seconds)
        return sealer.seal(_PURPOSE, payload, context=self._context)

    def check(self, sealer: Sealer, token: str, *, now_seconds: float) -> None:
        """Raises `Conflict` unless the token is for this, and was good at the time."""
        if len(token) > MAX_CONFIRM_TOKEN_CHARACTERS:
            raise _not_for_this()
        try:
            payload = sealer.open(_PURPOSE, token, context=self._context)
        except SealBroken:
            raise _not_for_this() from None
        (expires_at_seconds,) = _EXPIRES_AT.unpack(payload)
        if now_seconds > expires_at_seconds:
            raise Conflict("The confirm token has expired.")


def claim_name(token: str) -> str:
    """By which name a token belongs to the first call that uses it."""
    return f"confirm-{hashlib.sha256(token.encode()).hexdigest()}"


def _not_for_this() -> Conflict:
    # Forged, of another account, another tool, another content: all look the same.
    return Conflict("The confirm token is not for exactly this.")
