"""Asks the server on this machine whether it is alive: the image's health check.

    python scripts/check_health.py

It ends with 0 if `/healthz` answers 200 on `PORT`, and else with 1. It imports nothing that is not
in Python: it runs every half minute.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from typing import Final

DEFAULT_PORT: Final = "9991"
ANSWER_SECONDS: Final = 4.0
"""Below the 5 seconds after which the engine ends it."""


def is_alive(environ: Mapping[str, str]) -> bool:
    """True if a server process answers."""
    # Not by a name: what resolves names may be slow, and is none of ours.
    port = int(environ.get("PORT") or DEFAULT_PORT)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive(os.environ) else 1)
