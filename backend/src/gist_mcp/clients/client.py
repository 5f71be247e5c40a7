"""An OAuth client: registered, described by its metadata document, or configured by hand."""

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from gist_mcp.clients.redirect_uri import is_acceptable, is_loopback, matches

AuthMethod = Literal["none", "client_secret_post", "client_secret_basic"]

AUTH_METHODS: Final[tuple[AuthMethod, ...]] = ("none", "client_secret_post", "client_secret_basic")
"""mcp-remote takes the first method of this list, and it keeps no secret well."""

MAX_NAME_CHARACTERS: Final = 80


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client whose id is valid. `name` is what it calls itself: anybody can use any name.

    `redirect_uris` is `None` for the hand-configured client: any loopback address.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...] | None
    auth_method: AuthMethod = "none"
    secret_digest: str = ""
    """SHA-256 in hexadecimal of the client's secret, empty if it has none."""

    @property
    def key(self) -> str:
        """A short name for the client inside sealed tokens and durable state."""
        return client_key(self.client_id)

    def allows(self, redirect_uri: str) -> bool:
        """True if authorization responses for this client may go there."""
        # The general rule again, not only at the registration: whoever has a retired key can seal a
        # client id with any redirect URI in it, `javascript:` too (`clients/registry.py`).
        if not is_acceptable(redirect_uri):
            return False
        if self.redirect_uris is None:
            return is_loopback(redirect_uri)
        return any(matches(registered, redirect_uri) for registered in self.redirect_uris)


def client_key(client_id: str) -> str:
    """32 hexadecimal characters of SHA-256: client ids may be as long as what they contain."""
    return hashlib.sha256(client_id.encode()).hexdigest()[:32]


def display_name(name: str) -> str:
    """A name fit for a page: one line, short, without control and format characters."""
    # Anybody may choose any name. Characters that reverse or hide text would change how the
    # redirect URI beside it reads.
    visible = (" " if each.isspace() else each for each in name)
    clean = "".join(each for each in visible if not unicodedata.category(each).startswith("C"))
    return " ".join(clean.split())[:MAX_NAME_CHARACTERS]
