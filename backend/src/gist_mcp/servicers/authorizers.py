"""Who may call a state type over Reboot's RPC surface: this application and its front door.

Envoy exposes every method of every state type on the public port, by gRPC, by HTTP
transcoding and by websocket. Reboot's own default for a state without an authorizer is to
allow in development. So every servicer here names `front_door_only`.
"""

import hmac
from typing import Any

from google.protobuf.message import Message
from pydantic import SecretStr
from rbt.v1alpha1.errors_pb2 import Ok, PermissionDenied
from reboot.aio.contexts import ReaderContext
from rebootdev.aio.auth import Auth
from rebootdev.aio.auth.authorizers import (
    Authorizer,
    AuthorizerRule,
    allow_if,
    is_app_internal,
)
from rebootdev.aio.auth.token_verifiers import TokenVerifier

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


def _is_front_door(*, context: ReaderContext, **_: Any) -> Authorizer.Decision:
    if context.auth is not None and context.auth.user_id == FRONT_DOOR:
        return Ok()
    return PermissionDenied()


def front_door_only() -> AuthorizerRule[Message, Message]:
    """Admits calls from within the application and from its front door, nothing else."""
    return allow_if(any=[is_app_internal, _is_front_door])


gateway_only = front_door_only
