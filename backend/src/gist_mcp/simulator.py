"""Starts the embedded GitHub simulator where no OAuth App is configured: development only.

It is another program, reached over HTTP like GitHub itself, and it ends with this process.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from gist_mcp.config import Config
from gist_mcp.errors import ConfigError

logger = logging.getLogger(__name__)

START_SECONDS = 15.0
"""Within this the simulator listens, also when a predecessor is just leaving the port."""

RETRY_SECONDS = 0.3


@contextlib.asynccontextmanager
async def embedded_simulator(config: Config) -> AsyncIterator[None]:
    """Runs the simulator for as long as the block, or does nothing if GitHub is configured.

    Raises `ConfigError` when its port is taken.
    """
    if not config.simulated:
        yield
        return
    process = await _start(config)
    logger.warning(
        "NO GITHUB OAUTH APP IS CONFIGURED: a simulator at %s stands in for GitHub. "
        "Its accounts and gists exist on this machine only.",
        config.github_web_url,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _start(config: Config) -> asyncio.subprocess.Process:
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                process = await _spawn(config)
                assert process.stdout is not None
                line = await process.stdout.readline()
                if line and json.loads(line)["port"] == config.simulator_port:
                    return process
                await process.wait()
                # After a crash or a reload the former one may need a moment to go.
                await asyncio.sleep(RETRY_SECONDS)
    except TimeoutError:
        raise ConfigError(
            "GITHUB_SIMULATOR_PORT",
            f"the GitHub simulator could not listen on port {config.simulator_port}",
        ) from None


async def _spawn(config: Config) -> asyncio.subprocess.Process:
    source_folder = str(Path(__file__).parent.parent)
    config.development_folder.mkdir(parents=True, exist_ok=True)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "github_simulator",
        f"--port={config.simulator_port}",
        f"--client-id={config.github_client_id}",
        f"--callback-url={config.callback_url}",
        f"--state-file={config.development_folder / 'github-simulator.json'}",
        "--app-name=github-gist-mcp (development)",
        "--exit-on-stdin-eof",
        # A line for each request that is made to GitHub is for who looks for something.
        *([] if config.log_level == "DEBUG" else ["--quiet"]),
        # Its end of the pipe closes when this process ends, however it ends.
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": source_folder,
            "SIMULATOR_CLIENT_SECRET": config.github_client_secret.get_secret_value(),
        },
    )
