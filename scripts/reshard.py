"""Gives the durable state of an earlier release the number of shards that new states have.

    python scripts/reshard.py STATE_FOLDER

The folder is `RBT_STATE_DIRECTORY` of the server, and is taken from there if it is not named; in
development it is `.rbt/dev/github-gist-mcp`. Stop the server first. The state before stays beside
the new one as `p000000.before-resharding`; delete that when the server runs well. If it is
interrupted, run it again. It ends with 0, with 2 if it refuses, and then nothing has changed.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "backend" / "src")]

from gist_mcp.errors import ConfigError  # noqa: E402
from gist_mcp.framework.private_names import OWN_NUMBER_OF_SHARDS  # noqa: E402
from gist_mcp.framework.reshard import ReshardRefused, reshard  # noqa: E402
from scripts.launch import EXIT_SETTINGS, complain  # noqa: E402


def main() -> None:
    """Reads the command line and does it."""
    parser = argparse.ArgumentParser(description="Gives an older state fewer shards.")
    default = os.environ.get("RBT_STATE_DIRECTORY")
    parser.add_argument("state_folder", nargs="?" if default else None, default=default, type=Path)
    folder: Path = parser.parse_args().state_folder
    try:
        backup = asyncio.run(reshard(folder, OWN_NUMBER_OF_SHARDS, print))
    except (ConfigError, ReshardRefused, OSError) as error:
        complain(str(error))
        sys.exit(EXIT_SETTINGS)
    if backup is None:
        print(f"{folder} has {OWN_NUMBER_OF_SHARDS} shards; nothing was to do")
    else:
        print(f"{folder} has {OWN_NUMBER_OF_SHARDS} shards now; before it was {backup}")


if __name__ == "__main__":
    main()
