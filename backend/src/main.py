"""Runs the application under `rbt dev run`, `rbt serve run` or Reboot Cloud.

Reboot's server processes import this file again, so everything happens under `__main__`.
"""

import asyncio
import logging
import os
import secrets
import sys

from gist_mcp.app import build_application
from gist_mcp.config import load_config
from gist_mcp.errors import ConfigError
from gist_mcp.simulator import embedded_simulator


async def main() -> None:
    """Reads the settings, starts the simulator where it stands in for GitHub, and serves."""
    try:
        config = await load_config(os.environ)
    except ConfigError as error:
        sys.exit(f"github-gist-mcp: {error}")
    async with embedded_simulator(config):
        await build_application(config, incarnation=secrets.token_hex(8)).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(main())
