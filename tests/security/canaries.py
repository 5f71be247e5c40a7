"""Looks for secrets in bytes, in all the forms that a program may have given them."""

import base64
from collections.abc import Iterable, Mapping
from urllib.parse import quote


def forms(secret: str) -> dict[str, bytes]:
    """The secret as it may lie somewhere, by the name of the form."""
    raw = secret.encode()
    found = {
        "clear": raw,
        "reversed": raw[::-1],
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "URL-encoded": quote(secret, safe="").encode(),
        "UTF-16": secret.encode("utf-16-le"),
    }
    for shift in range(3):
        found[f"base64+{shift}"] = _base64_core(raw, shift)
        found[f"base64url+{shift}"] = found[f"base64+{shift}"].translate(_TO_URL_ALPHABET)
        found[f"reversed base64+{shift}"] = _base64_core(raw[::-1], shift)
    return found


_TO_URL_ALPHABET = bytes.maketrans(b"+/", b"-_")


def _base64_core(raw: bytes, shift: int) -> bytes:
    """What all base64 texts that hold `raw` after `shift` (mod 3) other bytes have in common."""
    encoded = base64.b64encode(b"\0" * shift + raw)
    # Characters that mix in bits of the neighbours are cut off at both ends.
    first = -(-shift * 8 // 6)
    last = (shift + len(raw)) * 8 // 6
    return encoded[first:last]


def sightings(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[str]:
    """Where which secret lies, and in which form."""
    return [
        f"{secret_name} in {place}, {form}"
        for secret_name, secret in secrets.items()
        for form, wanted in forms(secret).items()
        for place, content in places.items()
        if wanted in content
    ]


def named(prefix: str, contents: Iterable[bytes]) -> dict[str, bytes]:
    """Places with numbers for names."""
    return {f"{prefix} {number}": content for number, content in enumerate(contents)}
