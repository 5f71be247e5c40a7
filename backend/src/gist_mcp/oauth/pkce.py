"""Proof Key for Code Exchange (RFC 7636), S256 only: toward our clients, and toward GitHub."""

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
    """True for 43 characters of base64url: a SHA-256 digest (RFC 7636, 4.2)."""
    # A challenge that no verifier can match would only fail later, at the token endpoint.
    return _CHALLENGE.match(code_challenge) is not None


def verify_s256(code_verifier: str, code_challenge: str) -> bool:
    """True if the verifier hashes to the challenge (RFC 7636, 4.6).

    Constant time. A verifier outside the 43..128 unreserved characters is False, not an error.
    """
    # A short verifier could be guessed from the challenge, which travels in a URL (RFC 7636, 7.1).
    if not _VERIFIER.match(code_verifier):
        return False
    return hmac.compare_digest(s256_challenge(code_verifier).encode(), code_challenge.encode())


def state_with_key_tag(key: bytes, nonce: str) -> str:
    """A value for `state`: the nonce, and a tag that tells which key its verifier comes from.

    The tag is as `kid` in a signed token; it is no protection of its own.
    """
    return nonce + _key_tag(key, nonce)


def key_of_state(keys: Sequence[bytes], oauth_state: str) -> bytes:
    """The one of `keys` whose tag the state has, the first if it has none of theirs."""
    # A sign-in that began before a rotation of the keys ends after it. A `state` with no tag of
    # ours is not known to durable state either, so the key that it gets does not matter.
    nonce, mark = oauth_state[:-_KEY_TAG_CHARACTERS], oauth_state[-_KEY_TAG_CHARACTERS:].encode()
    for key in keys:
        if hmac.compare_digest(_key_tag(key, nonce).encode(), mark):
            return key
    return keys[0]


def _key_tag(key: bytes, nonce: str) -> str:
    # The labels here and in `derived_verifier` keep two uses of one key apart: the tag is public,
    # the verifier is not. To change them would break sign-ins that are under way.
    digest = hmac.new(key, b"mark-of-a-state:" + nonce.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_KEY_TAG_CHARACTERS]


def derived_verifier(key: bytes, oauth_state: str) -> str:
    """The `code_verifier` toward GitHub for one sign-in: 43 characters (RFC 7636, 4.1)."""
    # Computed from a key of this deployment instead of stored: durable state has only a digest of
    # `state`, so who reads it and has stolen a code of GitHub still lacks the verifier.
    digest = hmac.new(key, b"github-code-verifier:" + oauth_state.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
