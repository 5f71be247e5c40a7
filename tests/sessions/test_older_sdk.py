"""Messages in the state of an earlier release, which ran on an older MCP SDK.

That release pickled a call's JSON-RPC message as an object of the SDK. A newer SDK whose classes
have moved could not read it, and the call would be lost in the upgrade.
"""

import base64
import pickle

from mcp.types import JSONRPCRequest

PICKLED_BY_1_22 = base64.b64decode(
    "gASVvgEAAAAAAACMEm1jcC5zaGFyZWQubWVzc2FnZZSMDlNlc3Npb25NZXNzYWdllJOUKYGUfZQojAdtZXNzYWdl"
    "lIwJbWNwLnR5cGVzlIwOSlNPTlJQQ01lc3NhZ2WUk5QpgZR9lCiMCF9fZGljdF9flH2UjARyb290lGgGjA5KU09O"
    "UlBDUmVxdWVzdJSTlCmBlH2UKGgLfZQojAZtZXRob2SUjAp0b29scy9jYWxslIwGcGFyYW1zlH2UKIwEbmFtZZSM"
    "C2NyZWF0ZV9naXN0lIwJYXJndW1lbnRzlH2UjAhmaWxlbmFtZZSMAWaUc3WMB2pzb25ycGOUjAMyLjCUjAJpZJSM"
    "AWGUdYwSX19weWRhbnRpY19leHRyYV9flH2UjBdfX3B5ZGFudGljX2ZpZWxkc19zZXRfX5SPlChoH2gdaBVoE5CM"
    "FF9fcHlkYW50aWNfcHJpdmF0ZV9flE51YnNoI4+UKGgNkHVijAhtZXRhZGF0YZRoAIwVU2VydmVyTWVzc2FnZU1l"
    "dGFkYXRhlJOUKYGUfZQojBJyZWxhdGVkX3JlcXVlc3RfaWSUTowPcmVxdWVzdF9jb250ZXh0lE51YnViLg=="
)
"""A `SessionMessage` as `DurableMCP` stored it, made with mcp 1.22.0."""


def test_a_call_that_mcp_1_22_pickled_can_be_read() -> None:
    root = pickle.loads(PICKLED_BY_1_22).message.root  # noqa: S301 - it is in this file

    assert isinstance(root, JSONRPCRequest)
    assert (root.id, root.method) == ("a", "tools/call")
    assert root.params == {"name": "create_gist", "arguments": {"filename": "f"}}
