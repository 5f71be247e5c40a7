"""What production demands of the settings. Each refusal is one line, and names the page about it.

Everybody who reaches a server in production may sign in. So nothing stands in for GitHub, whose
word is all that tells one person from another, and no token travels in the clear.
"""

from typing import Final
from urllib.parse import urlsplit

from gist_mcp.config import Config
from gist_mcp.errors import ConfigError
from gist_mcp.origin import LOOPBACK_HOSTS

SIMULATOR_CLIENT_ID: Final = "simulated-oauth-app"
"""The client id that development has while no OAuth App is configured."""

PAGE: Final = "docs/deployment.md"
APP: Final = f"{PAGE}#an-oauth-app"
KEYS: Final = f"{PAGE}#a-key"
ADDRESS: Final = f"{PAGE}#an-https-address"
REAL_GITHUB: Final = f"{PAGE}#the-real-github"


def check_production(config: Config) -> None:
    """Raises `ConfigError` for the first setting that production cannot be run with."""
    for variable, value in (
        ("GITHUB_CLIENT_ID", config.github_client_id),
        ("GITHUB_CLIENT_SECRET", config.github_client_secret.get_secret_value()),
    ):
        if not value:
            text = f"production needs a GitHub OAuth App; set {variable} to what GitHub shows"
            raise _refusal(variable, text, APP)
    if not config.token_keys:
        text = "production needs a key, as `openssl rand -base64 32` prints one"
        raise _refusal("TOKEN_KEYS", text, KEYS)
    _check_urls(config)
    _check_no_simulator(config)


def _check_urls(config: Config) -> None:
    scheme = urlsplit(config.public_url).scheme
    for variable, url in (
        *(("EXTRA_HOSTS", f"{scheme}://{host}") for host in config.extra_hosts),
        ("PUBLIC_URL", config.public_url),
        ("GITHUB_WEB_URL", config.github_web_url),
        ("GITHUB_API_URL", config.github_api_url),
    ):
        if not url.startswith("https://") and not _is_on_loopback(url):
            raise _refusal(variable, "production needs https, except on loopback", ADDRESS)


def _check_no_simulator(config: Config) -> None:
    if config.simulator_port:
        text = "the simulator is for development; leave it out"
        raise _refusal("GITHUB_SIMULATOR_PORT", text, REAL_GITHUB)
    if config.is_on_this_machine:
        # Tried by the one person who can reach it, who may try it with a GitHub of their own.
        return
    if config.github_client_id == SIMULATOR_CLIENT_ID:
        text = "is the simulator's; production needs an OAuth App of GitHub"
        raise _refusal("GITHUB_CLIENT_ID", text, REAL_GITHUB)
    for variable, url in (
        ("GITHUB_WEB_URL", config.github_web_url),
        ("GITHUB_API_URL", config.github_api_url),
    ):
        if _is_on_loopback(url):
            text = "is on this machine, so a simulator's: whoever has its port could be anybody"
            raise _refusal(variable, text, REAL_GITHUB)


def _is_on_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def _refusal(variable: str, text: str, page: str) -> ConfigError:
    return ConfigError(variable, f"{text}; see {page}")
