"""Which addresses of a GitHub belong together. Pure rules.

| GitHub | pages | REST API |
|---|---|---|
| github.com | `https://github.com` | `https://api.github.com` |
| GHE.com (data residency) | `https://SUBDOMAIN.ghe.com` | `https://api.SUBDOMAIN.ghe.com` |
| Enterprise Server | `https://HOST` | `https://HOST/api/v3` |

Source: GitHub Docs, REST API, of each of the three.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from gist_mcp.origin import LOOPBACK_HOSTS

PUBLIC_WEB_URL: Final = "https://github.com"
PUBLIC_API_URL: Final = "https://api.github.com"
SERVER_API_PATH: Final = "/api/v3"

_GITHUBS_OWN = re.compile(r"(?:.+\.)?(?:github|ghe)\.com\Z")
_TENANT = re.compile(r"[a-z0-9-]+\.ghe\.com\Z")
_PUBLIC_OR_TENANT = re.compile(r"(?:github|[a-z0-9-]+\.ghe)\.com\Z")
_OTHER_HOSTS: Final = ("api.", "gist.", "raw.", "www.")
"""What begins the names of hosts of a GitHub that people do not sign in at."""


def is_ghe_com(web_url: str) -> bool:
    """True for an enterprise with data residency."""
    return _TENANT.match(urlsplit(web_url).netloc) is not None


def is_enterprise_server(web_url: str) -> bool:
    """True for a GitHub that its owner runs; also for a simulator."""
    return web_url != PUBLIC_WEB_URL and not is_ghe_com(web_url)


def api_url_of(web_url: str) -> str:
    """The REST API of the GitHub that has its pages there."""
    if is_enterprise_server(web_url):
        return web_url + SERVER_API_PATH
    return web_url.replace("://", "://api.", 1)


def wrong_web_url(web_url: str) -> str | None:
    """Why people cannot sign in there, if that can be told."""
    host = urlsplit(web_url).netloc
    if host == "ghe.com":
        return "name the subdomain of the enterprise: https://SUBDOMAIN.ghe.com"
    right = web_url.removesuffix(SERVER_API_PATH)
    for beginning in _OTHER_HOSTS:
        named = host.removeprefix(beginning)
        if named != host and _PUBLIC_OR_TENANT.match(named):
            right = f"https://{named}"
    return None if right == web_url else f"people do not sign in there, but at {right}"


def wrong_api_url(web_url: str, api_url: str) -> str | None:
    """Why this API is not that of the GitHub with these pages, if that can be told.

    A token of one GitHub must not be shown to another. What is on this machine is the operator's
    own: a proxy, or the simulator. An Enterprise Server's API may have another name in a network.
    """
    web, api = urlsplit(web_url), urlsplit(api_url)
    right = api_url_of(web_url)
    if api_url == right or web.hostname in LOOPBACK_HOSTS or api.hostname in LOOPBACK_HOSTS:
        return None
    is_other_host = api.netloc != web.netloc and not _GITHUBS_OWN.match(api.netloc)
    if is_other_host and is_enterprise_server(web_url):
        return None
    return f"is not the API of {web_url}, which has it at {right}"
