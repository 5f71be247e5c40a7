"""How much a JSON-RPC message becomes inside, told before anything is made of it. Pure rules.

The wire is the wrong measure: a number of one byte takes eleven where Reboot stores it, an empty
array fifty-six in this process's memory, while a character that JSON escapes takes six on the wire
and one in the gist. So a message is bounded by its values and by what it is when it is stored.
"""

import re
from typing import Any, Final

MAX_VALUES: Final = 50_000
"""Values in one message, keys of objects among them. The largest tool call has 300 files of two
members each, with half of a hundred more beside them."""

MAX_STORED_BYTES: Final = 3 * 1024 * 1024
"""A message as Reboot stores it. It ends at 4 MiB, the limit of a gRPC message, within which other
things travel along."""

MAX_DEPTH: Final = 20
"""Nested arrays and objects in one message; tool arguments need 4 or 5. Reboot stores messages as
protobuf values, which nest three deep for each object and end at 100. Seen: from 32 objects on a
call never ends, from 29 on the deployment's state cannot be exported any more."""

_VALUE_BYTES: Final = 12
"""What protobuf adds to a value, and to a member of an object, at most: tags and lengths. A number
is nine bytes and two of its own."""

# A string that does not end is taken up to the end of the body, so that nothing is looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_SEPARATORS: Final = (b",", b":", b"[", b"{")


def has_too_many_values(body: bytes) -> bool:
    """True if parsing this JSON would make more than `MAX_VALUES` values.

    Counts strings, and what stands between values outside of them, without parsing. Stops as soon
    as it knows, so that a body of nothing but strings costs no more than another.
    """
    if sum(map(body.count, _SEPARATORS)) <= MAX_VALUES:
        return False
    seen = 0
    begin = 0
    for string in _STRING.finditer(body):
        seen += 1 + _separators(body, begin, string.start())
        if seen > MAX_VALUES:
            return True
        begin = string.end()
    return seen + _separators(body, begin, len(body)) > MAX_VALUES


def _separators(body: bytes, begin: int, end: int) -> int:
    return sum(body.count(separator, begin, end) for separator in _SEPARATORS)


def is_deeper_than(value: Any, depth: int) -> bool:
    """Walks without recursion: the value is hostile."""
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
    """At most so many bytes is a JSON value as a `google.protobuf.Value`."""
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
