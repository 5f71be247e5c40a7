"""Whether a text has the form of a GitHub token, checksum included. Pure rules, no I/O.

Since 2021 the last six characters of a token are a checksum of the others (GitHub, "Behind
GitHub's new authentication token formats"). Anybody can compute it, so it proves nothing. Formats
change, so nothing is refused for it.
"""

import re
import string
import zlib

CHECKSUM_CHARACTERS = 6

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_WITH_CHECKSUM = re.compile(r"gh[a-z]_(?P<body>[A-Za-z0-9]{30})(?P<checksum>[A-Za-z0-9]{6})\Z")
_FINE_GRAINED = re.compile(r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\Z")
"""Its checksum is not published."""


def is_plausible_token(text: str) -> bool:
    """True for the form of a GitHub token, with the right checksum where it has one."""
    found = _WITH_CHECKSUM.match(text)
    if found is None:
        return _FINE_GRAINED.match(text) is not None
    return checksum(found["body"]) == found["checksum"]


def checksum(body: str) -> str:
    """CRC-32 of the text in base 62, six characters long."""
    number, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM_CHARACTERS):  # 62^6 is more than 2^32.
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits
