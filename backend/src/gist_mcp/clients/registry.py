"""Makes client ids, and finds the client that an id stands for (RFC 7591).

No registration is stored: the id is the registration, sealed. So strangers cannot fill the disk
with registrations, and each survives every restart.

A client keeps its id for good and cannot be given another, so an id must outlive the key that
sealed it, or a rotation would end in signing people out. `RETIRED_TOKEN_KEYS` open ids and nothing
else. That is safe also with a key that leaked: who has it reads names, redirect URIs and digests,
and can make ids, which anybody may ask us for anyway.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from gist_mcp.clients.client import AuthMethod, Client, display_name
from gist_mcp.clients.metadata_document import ClientDocuments, is_document_url
from gist_mcp.errors import OAuthError
from gist_mcp.tokens.sealing import SealBroken, Sealer

CLIENT_ID_PREFIX: Final = "ggm_client_"
CLIENT_SECRET_PREFIX: Final = "ggm_secret_"
MAX_CLIENT_ID_CHARACTERS: Final = 4096
"""Room for ten redirect URIs."""

HAND_CONFIGURED_CLIENT_ID: Final = "github-gist-mcp"
"""For clients whose user types a client id into a file: public, PKCE, loopback only."""

_HAND_CONFIGURED = Client(
    client_id=HAND_CONFIGURED_CLIENT_ID, name="A client on this computer", redirect_uris=None
)
_PURPOSE: Final = "client-id"


@checked_dataclass(frozen=True, kw_only=True)
class _Sealed:
    """The JSON inside."""

    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    issued_at: int
    secret_digest: str = ""


_SEALED = TypeAdapter(_Sealed)


class ClientRegistry:
    """Makes and resolves client ids. One per server process."""

    def __init__(
        self,
        sealer: Sealer,
        *,
        issuer: str,
        documents: ClientDocuments | None,
        retired_keys: Sequence[str] = (),
    ) -> None:
        """`documents` is `None` where Client ID Metadata Documents are switched off.

        `retired_keys` are those of `RETIRED_TOKEN_KEYS`.
        """
        self._sealer = sealer
        self._openers = (sealer, Sealer(retired_keys)) if retired_keys else (sealer,)
        self._issuer = issuer
        self._documents = documents

    def register(
        self,
        *,
        name: str,
        redirect_uris: tuple[str, ...],
        auth_method: AuthMethod,
        now: int,
        secret: str | None = None,
    ) -> Client:
        """A client with a new id. Raises `OAuthError` if its registration is too long."""
        secret_digest = "" if secret is None else _digest(secret)
        inside = {
            "name": name,
            "redirect_uris": redirect_uris,
            "auth_method": auth_method,
            "issued_at": now,
            "secret_digest": secret_digest,
        }
        # Bound to this issuer: an id of another deployment with the same key does not open here.
        sealed = self._sealer.seal(_PURPOSE, json.dumps(inside).encode(), context=self._issuer)
        client_id = CLIENT_ID_PREFIX + sealed
        if len(client_id) > MAX_CLIENT_ID_CHARACTERS:
            raise OAuthError("invalid_client_metadata", "The registration is too long.")
        return Client(
            client_id=client_id,
            name=name,
            redirect_uris=redirect_uris,
            auth_method=auth_method,
            secret_digest=secret_digest,
        )

    async def find(self, client_id: str) -> Client:
        """The client behind an id, with the redirect URIs that it has now.

        Raises `OAuthError`: `invalid_client` if there is none, `temporarily_unavailable`.
        """
        if self._documents is not None and is_document_url(client_id):
            return await self._documents.client(client_id)
        return self.at_token_endpoint(client_id)

    def at_token_endpoint(self, client_id: str) -> Client:
        """The client behind an id, as far as a code or a token is concerned that it was given.

        Those carry their client's key, and such a client is public, so its document would say
        nothing new. It is not fetched: an outage of its host must sign nobody out. Raises
        `OAuthError` (`invalid_client`).
        """
        # Anybody may use this id, as it is in the documentation. It opens loopback only, where what
        # listens was started on the person's own machine.
        if client_id == HAND_CONFIGURED_CLIENT_ID:
            return _HAND_CONFIGURED
        if self._documents is not None and is_document_url(client_id):
            return Client(client_id=client_id, name=client_id, redirect_uris=())
        if client_id.startswith(CLIENT_ID_PREFIX):
            return self._open(client_id)
        raise _unknown()

    def _open(self, client_id: str) -> Client:
        try:
            inside = _SEALED.validate_json(self._unsealed(client_id))
        except (SealBroken, ValidationError):
            raise _unknown() from None
        return Client(
            client_id=client_id,
            # Once more: whoever has a retired key can have sealed any name. Redirect URIs are
            # checked once more in `Client.allows`.
            name=display_name(inside.name),
            redirect_uris=inside.redirect_uris,
            auth_method=inside.auth_method,
            secret_digest=inside.secret_digest,
        )

    def _unsealed(self, client_id: str) -> bytes:
        """The JSON inside an id. Raises `SealBroken`."""
        sealed = client_id.removeprefix(CLIENT_ID_PREFIX)
        for opener in self._openers:
            try:
                return opener.open(_PURPOSE, sealed, context=self._issuer)
            except SealBroken:
                continue
        raise SealBroken


def new_client_secret() -> str:
    """A secret for a client that wants one."""
    # The prefix lets scanners for leaked secrets recognise it.
    return CLIENT_SECRET_PREFIX + secrets.token_urlsafe(32)


def is_secret_of(client: Client, secret: str) -> bool:
    """True for the secret that was made for this client."""
    # Constant time: else its digest could be found byte by byte.
    return hmac.compare_digest(_digest(secret), client.secret_digest)


def _digest(secret: str) -> str:
    """SHA-256 in hexadecimal."""
    # The id is public, so it holds a digest of the secret only. 256 random bits, which nobody can
    # guess, need no slow hash and no salt.
    return hashlib.sha256(secret.encode()).hexdigest()


def _unknown() -> OAuthError:
    return OAuthError(
        "invalid_client",
        "This client is not registered here. It should register again.",
        status_code=401,
    )
