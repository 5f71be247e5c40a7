"""Runs the application under `rbt dev run`, `rbt serve run` or Reboot Cloud.

Reboot's server processes import this file again, so all but the logging happens under `__main__`.
"""

# Before everything else, because it leaves out what the others would import.
import gist_mcp.framework.lean  # noqa: F401 isort: skip
from gist_mcp.telemetry import shared_folder

# Before Reboot and prometheus_client are imported, which look at the environment then.
shared_folder.share_counts()

# ruff: noqa: E402 - see above

import asyncio
import logging
import os
import secrets
import signal
import sys

from gist_mcp.app import build_application
from gist_mcp.config import Config
from gist_mcp.config_source import load_config, log_format, log_level, told_settings
from gist_mcp.errors import ConfigError
from gist_mcp.framework.internal_ports import PortStaysOpen, check_that_envoy_runs_here
from gist_mcp.framework.private_names import (
    RBT_APPLICATION_EXIT_CODE_BACKWARDS_INCOMPATIBILITY,
    install_cleanup,
)
from gist_mcp.framework.shards import use_shards_of_the_state
from gist_mcp.logs.event import event
from gist_mcp.logs.printing import configure_logging
from gist_mcp.simulator import embedded_simulator
from gist_mcp.version import VERSION

INTERRUPTED_EXIT = 128 + signal.SIGINT
"""As a shell tells of a program that Ctrl-C has ended."""

logger = logging.getLogger("gist_mcp")

# Here, because a server process that takes up its work again after a restart logs before it builds
# its front door.
configure_logging(log_level(os.environ), log_format(os.environ))


async def main() -> None:
    """Reads the settings, starts the simulator where it stands in for GitHub, and serves."""
    try:
        check_that_envoy_runs_here(os.environ)
        config = await load_config(os.environ)
        use_shards_of_the_state(os.environ)
    except ConfigError as error:
        if log_format(os.environ) == "json":
            logger.critical("%s", error, extra=event("settings_refused", variable=error.variable))
            sys.exit(1)
        sys.exit(f"github-gist-mcp: {error}")
    # So `rbt` ends the application, also when it is itself asked to end by a SIGINT.
    install_cleanup([signal.SIGTERM], shared_folder.remove)
    _log_start(config)
    async with embedded_simulator(config):
        try:
            application = build_application(config, incarnation=secrets.token_hex(8))
        except PortStaysOpen as error:
            sys.exit(f"github-gist-mcp: {error}")
        try:
            await application.run()
        except SystemExit as ended:
            if ended.code == RBT_APPLICATION_EXIT_CODE_BACKWARDS_INCOMPATIBILITY:
                _log_incompatible_state()
            raise


def _log_start(config: Config) -> None:
    """What an operator looks for first: version, address, state, GitHub."""
    logger.info(
        "github-gist-mcp %s starts: %s, port %d, state in %s, GitHub at %s",
        VERSION,
        config.public_url,
        config.port,
        config.state_folder or "Reboot Cloud",
        config.github_web_url,
        extra=event(
            "start",
            version=VERSION,
            address=config.public_url,
            port=config.port,
            settings=told_settings(config),
        ),
    )
    if config.production and config.is_on_this_machine:
        logger.warning(
            "PUBLIC_URL is %s: only this machine can use that, any other name is refused",
            config.public_url,
            extra=event("address_is_local", address=config.public_url),
        )


def _log_incompatible_state() -> None:
    """What to do about the refusal, of which Reboot has told the reasons and advised to delete."""
    logger.error(
        "github-gist-mcp %s does not open this state: another version has written it, most likely "
        "a newer one. The state is as it was; do not expunge it. Start that version again, or "
        "restore a backup from before it: docs/deployment.md, Rollback",
        VERSION,
    )


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        logger.info("github-gist-mcp has stopped: interrupted", extra=event("stop"))
        sys.exit(INTERRUPTED_EXIT)
