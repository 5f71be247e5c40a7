"""Which client an id stands for. No registration is stored: the id is the registration, sealed.

So ten thousand of them cost nothing, and they survive every restart. A client secret is sealed
too, for its id alone, and opens with every key of `TOKEN_KEYS`.
"""

import json
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from gist_mcp.auth.client import AuthMethod, Client
from gist_mcp.auth.client_metadata_document import ClientDocuments, is_document_url
from gist_mcp.auth.sealing import SealBroken, Sealer
from gist_mcp.errors import OAuthError

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
_SECRET_PURPOSE: Final = "client-secret"


@checked_dataclass(frozen=True, kw_only=True)
class _Sealed:
    """The JSON inside."""

    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    issued_at: int


_SEALED = TypeAdapter(_Sealed)


class ClientRegistry:
    """Makes and resolves client ids. One per server process."""

    def __init__(self, sealer: Sealer, *, issuer: str, documents: ClientDocuments | None) -> None:
        """`documents` is `None` where Client ID Metadata Documents are switched off."""
        self._sealer = sealer
        self._issuer = issuer
        self._documents = documents

    def register(
        self, *, name: str, redirect_uris: tuple[str, ...], auth_method: AuthMethod, now: int
    ) -> Client:
        """A client with a new id. Raises `OAuthError` if its registration is too long."""
        inside = {
            "name": name,
            "redirect_uris": redirect_uris,
            "auth_method": auth_method,
            "issued_at": now,
        }
        sealed = self._sealer.seal(_PURPOSE, json.dumps(inside).encode(), context=self._issuer)
        client_id = CLIENT_ID_PREFIX + sealed
        if len(client_id) > MAX_CLIENT_ID_CHARACTERS:
            raise OAuthError("invalid_client_metadata", "The registration is too long.")
        return Client(
            client_id=client_id, name=name, redirect_uris=redirect_uris, auth_method=auth_method
        )

    def new_secret(self, client: Client) -> str:
        """A secret that only this client can use."""
        return CLIENT_SECRET_PREFIX + self._sealer.seal(
            _SECRET_PURPOSE, b"", context=client.client_id
        )

    def is_secret_of(self, client: Client, secret: str) -> bool:
        """True for a secret that was made for this client."""
        if not secret.startswith(CLIENT_SECRET_PREFIX):
            return False
        try:
            sealed = secret.removeprefix(CLIENT_SECRET_PREFIX)
            self._sealer.open(_SECRET_PURPOSE, sealed, context=client.client_id)
        except SealBroken:
            return False
        return True

    async def find(self, client_id: str) -> Client:
        """The client behind an id. Raises `OAuthError` (`invalid_client`) if there is none."""
        if client_id == HAND_CONFIGURED_CLIENT_ID:
            return _HAND_CONFIGURED
        if self._documents is not None and is_document_url(client_id):
            return await self._documents.client(client_id)
        if client_id.startswith(CLIENT_ID_PREFIX):
            return self._open(client_id)
        raise _unknown()

    def _open(self, client_id: str) -> Client:
        try:
            sealed = client_id.removeprefix(CLIENT_ID_PREFIX)
            inside = _SEALED.validate_json(
                self._sealer.open(_PURPOSE, sealed, context=self._issuer)
            )
        except (SealBroken, ValidationError):
            raise _unknown() from None
        return Client(
            client_id=client_id,
            name=inside.name,
            redirect_uris=inside.redirect_uris,
            auth_method=inside.auth_method,
        )


def _unknown() -> OAuthError:
    return OAuthError(
        "invalid_client",
        "This client is not registered here. It should register again.",
        status_code=401,
    )
