"""`rbt` whose `serve run` takes the Envoy of our lock in the place of 1.30.2.

`envoy_version.py` says why, and is what decides whether this is run.
"""

import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "backend" / "src")]

from gist_mcp.framework.expectations import HasBody, Is, check_all  # noqa: E402
from scripts.envoy_version import LOCKED_ENVOY, REBOOT_ENVOY  # noqa: E402

# Here and not in `framework/private_names.py`: the application does not import the command.
EXPECTED: Final = (
    Is("reboot.cli.serve:ENVOY_VERSION", REBOOT_ENVOY),
    HasBody("reboot.cli.serve:_pick_envoy_mode", "ce6a9a5fec9729b3"),
)

if __name__ == "__main__":
    check_all(EXPECTED)
    from reboot.cli import serve
    from reboot.cli.rbt_main import main

    serve.ENVOY_VERSION = LOCKED_ENVOY  # type: ignore[attr-defined]
    main()
