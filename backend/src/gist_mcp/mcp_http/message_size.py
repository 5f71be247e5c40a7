"""Limits on what a JSON-RPC message takes in memory and in storage. Pure rules.

The length of the body is the wrong measure. A number of one byte takes eleven where Reboot stores
it, and an empty array 56 in memory. A character that JSON escapes takes six in the body and one in
the gist. So a message is limited by its number of values and by its size in storage.
"""

import re
from typing import Any, Final

MAX_VALUES: Final = 50_000
"""Values in one message, keys of objects among them. The largest tool call has 300 files of two
members each, and some fifty values besides."""

MAX_STORED_BYTES: Final = 3 * 1024 * 1024
"""A message as Reboot stores it. A gRPC message ends at 4 MiB, and holds other fields too."""

MAX_DEPTH: Final = 20
"""Nested arrays and objects in one message; tool arguments need 4 or 5. Reboot stores messages as
protobuf values, which nest three deep for each object and end at 100. Seen: from 32 objects on a
call never ends, from 29 on the deployment's state cannot be exported any more."""

_VALUE_BYTES: Final = 12
"""What protobuf adds to a value, and to a member of an object, at most: tags and lengths. A number
is nine bytes and two of its own."""

# A string that does not end is taken up to the end of the body. The quantifiers are possessive, so
# that no byte is read twice: otherwise a body of backslashes would take time in its square.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SEPARATORS: Final = (b",", b":", b"[", b"{")


def has_too_many_values(body: bytes) -> bool:
    """True if parsing this JSON would make more than `MAX_VALUES` values.

    Counts strings, and the separators outside of them.
    """
    # Most bodies are done with here: counting bytes is much faster than the loop below.
    if sum(map(body.count, _SEPARATORS)) <= MAX_VALUES:
        return False
    seen = 0
    begin = 0
    for string in _STRING.finditer(body):
        seen += 1 + _separators(body, begin, string.start())
        # At once, so that a body of nothing but strings costs no more than another.
        if seen > MAX_VALUES:
            return True
        begin = string.end()
    return seen + _separators(body, begin, len(body)) > MAX_VALUES


def _separators(body: bytes, begin: int, end: int) -> int:
    return sum(body.count(separator, begin, end) for separator in _SEPARATORS)


def is_deeper_than(value: Any, depth: int) -> bool:
    """True if the value has more than `depth` levels of arrays and objects."""
    # Without recursion, which ends in `RecursionError` where the client chooses the depth.
    level = [value]
    for _ in range(depth + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def stored_bytes(value: Any) -> int:
    """An upper bound, in bytes, for a JSON value as a `google.protobuf.Value`."""
    total = 0
    waiting = [value]
    while waiting:
        node = waiting.pop()
        total += _VALUE_BYTES
        if isinstance(node, str):
            total += len(node.encode("utf-8", "surrogatepass"))
        elif isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            for name, member in node.items():
                total += _VALUE_BYTES + len(name.encode("utf-8", "surrogatepass"))
                waiting.append(member)
    return total
