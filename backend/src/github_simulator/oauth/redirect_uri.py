"""Which redirect URIs belong to an app: pure rules, no I/O."""

from collections.abc import Iterable
from urllib.parse import SplitResult, unquote, urlsplit

from github_simulator.choices import LOCALHOST_TAKES_ANY_PORT

LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1"})


def redirect_uri_matches(
    redirect_uri: str, callback_urls: Iterable[str], *, wildcard: bool
) -> bool:
    """True if one of the registered callback URLs admits this redirect URI.

    Exact match; on loopback any port; with `wildcard` also sub-domains and paths below.
    """
    return any(_matches(redirect_uri, callback, wildcard) for callback in callback_urls)


def _matches(redirect_uri: str, callback_url: str, wildcard: bool) -> bool:
    if redirect_uri == callback_url:
        return True
    try:
        asked, registered = urlsplit(redirect_uri), urlsplit(callback_url)
        ports = asked.port, registered.port
    except ValueError:
        return False
    if asked.scheme != registered.scheme or asked.fragment or asked.username is not None:
        return False
    if _takes_any_port(registered) and asked.hostname == registered.hostname:
        return _path_matches(asked, registered, wildcard)
    return (
        wildcard
        and ports[0] == ports[1]
        and _host_matches(asked.hostname, registered.hostname)
        and _path_matches(asked, registered, wildcard)
    )


def _takes_any_port(registered: SplitResult) -> bool:
    host = registered.hostname
    return host in LOOPBACK_ADDRESSES or (host == "localhost" and LOCALHOST_TAKES_ANY_PORT)


def _host_matches(asked: str | None, registered: str | None) -> bool:
    if asked is None or registered is None:
        return False
    return asked == registered or asked.endswith("." + registered)


def _path_matches(asked: SplitResult, registered: SplitResult, wildcard: bool) -> bool:
    if (asked.path or "/", asked.query) == (registered.path or "/", registered.query):
        return True
    # Dot segments would lead out of the registered path.
    if not wildcard or ".." in unquote(asked.path).split("/"):
        return False
    return asked.path.startswith(registered.path.rstrip("/") + "/")
