"""`python -m github_simulator`: arguments and environment in, a running server out."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from github_simulator.production import production_reason
from github_simulator.products import PRODUCT_NAMES
from github_simulator.server import NotLoopbackError, log_to_stderr, loopback_socket, serve
from github_simulator.settings import Settings
from github_simulator.simulator import RegisteredApp, Simulator
from github_simulator.store import StateFileError, Store

SECRET_VARIABLE = "SIMULATOR_CLIENT_SECRET"
CONTROL_KEY_VARIABLE = "SIMULATOR_CONTROL_KEY"


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m github_simulator",
        description="A stand-in for GitHub, for development and tests.",
        epilog=f"{SECRET_VARIABLE} holds the client secret. {CONTROL_KEY_VARIABLE} holds the key "
        "of the control API, which does not exist without it.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="loopback address to listen on (127.0.0.1)")
    add("--port", type=int, default=0, help="port, 0 for a free one")
    add("--client-id", required=True, help="client id of the one registered OAuth App")
    add("--callback-url", action="append", required=True, help="its callback URL; repeatable")
    add("--app-name", default="github-gist-mcp", help="its name, as the pages show it")
    add("--state-file", type=Path, help="keep accounts, tokens (as digests) and gists here")
    add("--exit-on-stdin-eof", action="store_true", help="stop when stdin ends")
    add("--quiet", action="store_true", help="log no line for each request")
    add("--product", choices=PRODUCT_NAMES, default="github.com", help="which GitHub this is")
    add("--no-iss", action="store_true", help="send no iss in authorization responses")
    add("--expiring-tokens", action="store_true", help="the app's tokens expire")
    add("--wildcard-redirects", action="store_true", help="wildcard callback URLs")
    return parser.parse_args(argv)


def _refuse(reason: str) -> NoReturn:
    print(f"github-simulator: {reason}", file=sys.stderr)
    raise SystemExit(2)


def _simulator(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Simulator:
    secret = environ.get(SECRET_VARIABLE)
    if not secret:
        _refuse(f"{SECRET_VARIABLE} is not set; it must hold the OAuth App's client secret")
    for url in arguments.callback_url:
        if not urlsplit(url).scheme:
            _refuse(f"--callback-url {url} is not a URL")
    app = RegisteredApp(
        client_id=arguments.client_id,
        callback_urls=tuple(arguments.callback_url),
        name=arguments.app_name,
        client_secret=secret,
    )
    # An option that is not there leaves what the product comes with.
    switches: dict[str, bool] = {}
    if arguments.no_iss:
        switches["send_iss"] = False
    if arguments.expiring_tokens:
        switches["expiring_tokens"] = True
    if arguments.wildcard_redirects:
        switches["wildcard_redirects"] = True
    settings = Settings.of(arguments.product, **switches)
    try:
        store = Store(arguments.state_file)
    except StateFileError as error:
        _refuse(str(error))
    return Simulator(app, store, settings, environ.get(CONTROL_KEY_VARIABLE) or None)


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Run the simulator; exits with 2 and one line on stderr if it may or can not start."""
    reason = production_reason(environ)
    if reason is not None:
        _refuse(f"refusing to start in production: {reason}")
    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    simulator = _simulator(arguments, environ)
    try:
        listening = loopback_socket(arguments.host, arguments.port)
    except NotLoopbackError as error:
        _refuse(str(error))
    except (OSError, OverflowError) as error:
        _refuse(f"cannot listen on port {arguments.port}: {error}")
    log_to_stderr(logging.WARNING if arguments.quiet else logging.INFO)
    asyncio.run(serve(simulator, listening, exit_on_stdin_eof=arguments.exit_on_stdin_eof))


if __name__ == "__main__":
    main()
