"""Proof Key for Code Exchange (RFC 7636), both sides, S256 only."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
_KEY_TAG_CHARACTERS = 8
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def s256_challenge(code_verifier: str) -> str:
    """The `code_challenge` of a verifier (RFC 7636, 4.2)."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_s256_challenge(code_challenge: str) -> bool:
    """True for 43 characters of base64url, which is what SHA-256 gives."""
    return _CHALLENGE.match(code_challenge) is not None


def verify_s256(code_verifier: str, code_challenge: str) -> bool:
    """True if the verifier hashes to the challenge (RFC 7636, 4.6).

    Constant time. A verifier outside the 43..128 unreserved characters is False, not an error.
    """
    if not _VERIFIER.match(code_verifier):
        return False
    return hmac.compare_digest(s256_challenge(code_verifier).encode(), code_challenge.encode())


def state_with_key_tag(key: bytes, nonce: str) -> str:
    """An OAuth `state`: the nonce, and a mark of the key that its verifier is derived from."""
    return nonce + _key_tag(key, nonce)


def key_of_state(keys: Sequence[bytes], oauth_state: str) -> bytes:
    """The key that marked a state, so that a sign-in under way survives a rotation of the keys.

    The first key if none did: then the state is not ours, and nothing comes of it.
    """
    nonce, mark = oauth_state[:-_KEY_TAG_CHARACTERS], oauth_state[-_KEY_TAG_CHARACTERS:].encode()
    for key in keys:
        if hmac.compare_digest(_key_tag(key, nonce).encode(), mark):
            return key
    return keys[0]


def _key_tag(key: bytes, nonce: str) -> str:
    digest = hmac.new(key, b"mark-of-a-state:" + nonce.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_KEY_TAG_CHARACTERS]


def derived_verifier(key: bytes, oauth_state: str) -> str:
    """Our own `code_verifier` toward GitHub for one sign-in.

    Computed from a deployment key and the state nonce instead of stored: durable state holds
    only the nonce's digest, so nothing at rest completes a stolen authorization code.
    """
    digest = hmac.new(key, b"github-code-verifier:" + oauth_state.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
