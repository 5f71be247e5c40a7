"""Another machine: a network namespace of its own, and a cable from it to this one.

It reaches this machine by the addresses of the cable only, and loopback there is another than here.
Needs root, and `ip` of iproute2.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest

# To be put before a command: a network of its own, whose loopback interface has another name. No
# socket can be tied to `lo` there, as on a Linux that does not let us.
WITHOUT_LO: Final = (
    *("unshare", "--net", "sh", "-c"),
    'ip link set lo name other && ip link set other up && exec "$@"',
    "sh",
)

# Refused comes at once. What is dropped on the way is never answered.
KNOCK: Final = """
import errno, json, socket, sys
said = []
for host, port in json.load(sys.stdin):
    try:
        socket.create_connection((host, port), timeout=5).close()
        said.append("open")
    except OSError as error:
        said.append(errno.errorcode.get(error.errno, str(error)))
json.dump(said, sys.stdout)
"""

FETCH: Final = """
import http.client, sys
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=10)
try:
    connection.request("GET", sys.argv[3])
    print(connection.getresponse().status)
except (OSError, http.client.HTTPException) as error:
    print(type(error).__name__)
"""


@dataclass(frozen=True, kw_only=True)
class OtherMachine:
    """Where somebody else is, at the other end of the cable."""

    namespace: str
    our_addresses: tuple[str, str]
    """By which it reaches us: of IPv4 and of IPv6."""

    def run(self, *command: str, given: str = "") -> str:
        """What a program says that runs there."""
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, *command],
            input=given,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def knock(self, ports: Collection[int]) -> dict[tuple[str, int], str]:
        """What each port of each of our addresses says: `open`, or the name of the error."""
        doors = [(host, port) for host in self.our_addresses for port in sorted(ports)]
        said = json.loads(self.run(sys.executable, "-c", KNOCK, given=json.dumps(doors)))
        return dict(zip(doors, said, strict=True))

    def get(self, port: int, path: str) -> str:
        """The status of an answer by HTTP, or the name of the error that there was instead."""
        host = self.our_addresses[0]
        return self.run(sys.executable, "-c", FETCH, host, str(port), path).strip()


@contextmanager
def other_machine() -> Iterator[OtherMachine]:
    """One, with a cable. Skips the test where none can be made; in CI, which can, that fails."""
    _check_rights()
    name = f"gist-mcp-{os.getpid()}"
    here, there = f"gm-{os.getpid()}-a", f"gm-{os.getpid()}-b"
    # Both are for documentation (RFC 5737, RFC 3849), so nobody is there whom a test could reach.
    # Two runs of the tests at once have two cables, each with addresses of its own.
    part = 4 * (os.getpid() % 64)
    ipv4, ipv6 = "203.0.113.{}", "2001:db8::{:x}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        for end, namespace in enumerate(([], ["-n", name]), start=part + 1):
            device = ["dev", there if namespace else here]
            _ip(*namespace, "address", "add", f"{ipv4.format(end)}/30", *device)
            # IPv6 would first ask for a second or two whether somebody else has it.
            _ip(*namespace, "address", "add", f"{ipv6.format(end)}/126", *device, "nodad")
            _ip(*namespace, "link", "set", *device, "up")
        yield OtherMachine(
            namespace=name, our_addresses=(ipv4.format(part + 1), ipv6.format(part + 1))
        )
    finally:
        # The cable goes with it.
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _check_rights() -> None:
    if os.geteuid() != 0:
        why = "a network namespace needs root"
    elif shutil.which("ip") is None:
        why = "ip is not installed (apt-get install iproute2)"
    else:
        return
    if "CI" in os.environ:
        pytest.fail(why)
    pytest.skip(why)
