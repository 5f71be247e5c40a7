"""Sealed values: authenticated encryption under `TOKEN_KEYS`, and keys derived from them.

Pure rules, no I/O. The first key seals, all keys open: keys rotate without signing anybody out.
"""

import base64
import binascii
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gist_mcp.constants import PROCESS_KEY_BYTES

NONCE_BYTES = 12
"""AES-GCM's own size (NIST SP 800-38D, 5.2.1.1), random for each value."""

TAG_BYTES = 16


class SealBroken(Exception):
    """The text is not something that one of our keys sealed for this purpose."""


class Sealer:
    """Seals and opens values with the deployment's keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` in the order of `TOKEN_KEYS`, at least one."""
        if not keys:
            raise ValueError("at least one key is needed")
        self._keys = tuple(keys)

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose from the first of the keys (HKDF, RFC 5869)."""
        return _derive(self._keys[0], purpose)

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """The same from each of the keys, for what was begun before they rotated."""
        return tuple(_derive(key, purpose) for key in self._keys)

    def seal(self, purpose: str, payload: bytes, *, context: str = "") -> str:
        """`payload` encrypted and authenticated, as unpadded base64url text.

        `context` is not stored in the result and must be the same when opening: the resource
        URL, for example, so that another deployment's value does not open here.
        """
        # A nonce that came twice under one key would give the plain text away (NIST SP 800-38D, 8).
        # 96 random bits are safe for 2^32 values of one key and purpose (8.3).
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(_derive(self._keys[0], purpose))
        sealed = nonce + cipher.encrypt(nonce, payload, context.encode())
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, purpose: str, sealed: str, *, context: str = "") -> bytes:
        """The payload that `seal` was given. Raises `SealBroken`."""
        raw = _decode(sealed)
        if len(raw) < NONCE_BYTES + TAG_BYTES:
            raise SealBroken
        nonce, ciphertext = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
        for key in self._keys:
            try:
                return AESGCM(_derive(key, purpose)).decrypt(nonce, ciphertext, context.encode())
            except InvalidTag:
                # Of another key, purpose or context, or changed on its way: all look the same.
                continue
        raise SealBroken

    def has_sealed(self, purpose: str, prefix: str, text: str, *, context: str = "") -> bool:
        """True if `text` is `prefix` and then something that `open` opens."""
        if not text.startswith(prefix):
            return False
        try:
            self.open(purpose, text.removeprefix(prefix), context=context)
        except SealBroken:
            return False
        return True


def _decode(text: str) -> bytes:
    """Strict base64url, without padding. Raises `SealBroken`."""
    # One text for each value: else a token that was used up or revoked by its text would work again
    # in another spelling (RFC 4648, 3.5 and 12).
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SealBroken from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise SealBroken
    return raw


def _derive(key: str, purpose: str) -> bytes:
    # The purpose is part of the key, so a value that was made for one use never opens as another:
    # a code is no access token, a cookie no code.
    kdf = HKDF(
        algorithm=SHA256(), length=PROCESS_KEY_BYTES, salt=b"github-gist-mcp", info=purpose.encode()
    )
    return kdf.derive(key.encode())
