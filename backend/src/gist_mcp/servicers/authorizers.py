"""Who may call a state type over Reboot's RPC surface: this application and its front door.

Envoy exposes every method of every state type on the public port, by gRPC, by HTTP
transcoding and by websocket. Reboot's own default for a state without an authorizer is to
allow in development. So every servicer here names `front_door_only`.

Reboot's own admin calls (export, import, tasks, inspector) are on that port too. In production
they ask for an admin secret, but where none is configured Reboot 0.40.1 lets every caller
through who brings any bearer token at all. `AdminSecretOrNone` shuts that. In development they
ask nobody, which is for one's own machine only: see `reboot_gateway.py`.
"""

import hmac
import os
import secrets
from typing import Any, Final

from google.protobuf.message import Message
from pydantic import SecretStr
from rbt.v1alpha1.errors_pb2 import Ok, PermissionDenied
from reboot.aio.auth.authorizers import Authorizer
from reboot.aio.contexts import ReaderContext
from reboot.aio.secrets import SecretNotFoundException, Secrets, SecretSource

from gist_mcp.framework.private_names import (
    ADMIN_SECRET_NAME,
    ENVVAR_REBOOT_ADMIN_AUTH_URL,
    Auth,
    TokenVerifier,
)

FRONT_DOOR = "github-gist-mcp-front-door"
"""The Reboot user id of our own HTTP layer. No person can have it: only the secret gives it."""


class FrontDoorVerifier(TokenVerifier):
    """Recognises the front door by its secret; everybody else stays anonymous to Reboot.

    Users' bearer tokens mean nothing on this surface.
    """

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret

    async def verify_token(self, context: ReaderContext, token: str | None) -> Auth | None:
        """`Auth` for the front door's secret, `None` for anything else. Constant time."""
        expected = self._secret.get_secret_value().encode()
        if token is None or not hmac.compare_digest(token.encode(), expected):
            return None
        return Auth(user_id=FRONT_DOOR)


class FrontDoorOnly(Authorizer[Message, Message]):
    """Admits calls from within the application and from its front door, nothing else.

    Not a rule, as Reboot's `allow_if` makes one: before it asks a rule, Reboot turns the request
    into our declared type. A stranger's request that lacks a field would fail there, with a
    traceback in the log and the field's name in the answer, before anybody asks who is calling.
    """

    async def authorize(
        self,
        *,
        method_name: str,
        context: ReaderContext,
        state: Message | None,
        request: Message | None,
        **kwargs: Any,
    ) -> Authorizer.Decision:
        """The decision depends on who calls, never on what."""
        if context.app_internal:
            return Ok()
        if context.auth is not None and context.auth.user_id == FRONT_DOOR:
            return Ok()
        return PermissionDenied()


def front_door_only() -> Authorizer[Message, Message]:
    """For the `authorizer` of every servicer."""
    return FrontDoorOnly()


MIN_ADMIN_SECRET_CHARACTERS: Final = 16
"""Shorter is no secret, and an empty one would match an empty bearer token."""


class AdminSecretOrNone(SecretSource):
    """Reboot's secrets, except that a missing admin secret is one that nobody knows."""

    def __init__(self, configured: SecretSource) -> None:
        self._configured = configured
        self._unknown = secrets.token_hex(32).encode()

    async def get(self, secret_name: str) -> bytes:
        """The configured secret. Raises `SecretNotFoundException`, but not for the admin's."""
        if secret_name != ADMIN_SECRET_NAME or ENVVAR_REBOOT_ADMIN_AUTH_URL in os.environ:
            # With that URL, as on Reboot Cloud, another service knows who is an admin.
            return await self._configured.get(secret_name)
        try:
            secret = await self._configured.get(secret_name)
        except SecretNotFoundException:
            return self._unknown
        return secret if len(secret.strip()) >= MIN_ADMIN_SECRET_CHARACTERS else self._unknown


def shut_admin_calls() -> None:
    """Without a configured admin secret nobody is an admin of this process."""
    source = Secrets().secret_source
    if not isinstance(source, AdminSecretOrNone):
        Secrets.set_secret_source(AdminSecretOrNone(source))


# On import, because Reboot's server processes are not started by code of ours: they import the
# servicers, and then make the admin calls' servicers, which keep the source that they find.
shut_admin_calls()
