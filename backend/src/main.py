"""Runs the application under `rbt dev run`, `rbt serve run` or Reboot Cloud.

Reboot's server processes import this file again, so all but the logging happens under `__main__`.
"""

# Before everything else, because it leaves out what the others would import.
import gist_mcp.framework.lean  # noqa: F401 isort: skip

import asyncio
import logging
import os
import secrets
import signal
import sys

from gist_mcp.app import build_application
from gist_mcp.config import Config
from gist_mcp.config_source import load_config, log_level
from gist_mcp.errors import ConfigError
from gist_mcp.framework.internal_ports import PortStaysOpen, check_that_envoy_runs_here
from gist_mcp.framework.shards import use_shards_of_the_state
from gist_mcp.logs import configure_logging
from gist_mcp.simulator import embedded_simulator
from gist_mcp.version import VERSION

INTERRUPTED_EXIT = 128 + signal.SIGINT
"""As a shell tells of a program that Ctrl-C has ended."""

logger = logging.getLogger("gist_mcp")

# Here, because a server process that takes up its work again after a restart logs before it builds
# its front door.
configure_logging(log_level(os.environ))


async def main() -> None:
    """Reads the settings, starts the simulator where it stands in for GitHub, and serves."""
    try:
        check_that_envoy_runs_here(os.environ)
        config = await load_config(os.environ)
        use_shards_of_the_state(os.environ)
    except ConfigError as error:
        sys.exit(f"github-gist-mcp: {error}")
    _log_start(config)
    async with embedded_simulator(config):
        try:
            application = build_application(config, incarnation=secrets.token_hex(8))
        except PortStaysOpen as error:
            sys.exit(f"github-gist-mcp: {error}")
        await application.run()


def _log_start(config: Config) -> None:
    """What an operator looks for first: version, address, state, GitHub."""
    logger.info(
        "github-gist-mcp %s starts: %s, port %d, state in %s, GitHub at %s",
        VERSION,
        config.public_url,
        config.port,
        config.state_folder or "Reboot Cloud",
        config.github_web_url,
    )


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        logger.info("github-gist-mcp has stopped: interrupted")
        sys.exit(INTERRUPTED_EXIT)
