"""Which redirect URIs a client may register and use. Pure rules, no I/O.

Accepted are https, http on loopback (RFC 8252, 7.3) and schemes of native apps (RFC 8252, 7.1).
Which schemes belong to apps is a rule with lists, at the end of this file.
"""

import re
from typing import Final
from urllib.parse import SplitResult, unquote_plus, urlsplit

from gist_mcp.github_address import PUBLIC_WEB_URL
from gist_mcp.origin import LOOPBACK_HOSTS

MAX_REDIRECT_URI_CHARACTERS: Final = 512

_RESPONSE_NAMES: Final = frozenset({"code", "state", "iss", "error"})

# Printable ASCII but for what a URI must not have (RFC 3986, 2), and the backslash, which
# browsers read as a slash.
_URI = re.compile(r"[!#-;=?-\[\]_a-z~]+\Z")
# A host is a name or a bracketed address, and nothing else (RFC 3986, 3.2.2, allows more): it goes
# into the header with the page's policy, where a semicolon or a comma would begin another rule.
_NETLOC = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])?(:[0-9]{1,5})?\Z")


def is_acceptable(uri: str) -> bool:
    """True for a redirect URI that a client may register and use."""
    parts = _split(uri)
    if parts is None or _has_response_parameter(parts.query):
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        # Anybody on the way reads plain http. A loopback interface has nobody on the way (RFC 8252,
        # 8.3).
        return parts.hostname in LOOPBACK_HOSTS
    # RFC 8252, 7.1, has a slash after the scheme. What has none is no address: `localhost:8080/cb`,
    # which lacks its `http://`, or text that its scheme interprets.
    return uri.partition(":")[2].startswith("/") and is_app_scheme(parts.scheme)


def is_loopback(uri: str) -> bool:
    """True for an acceptable http URI on this machine."""
    parts = _split(uri)
    return parts is not None and parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS


def matches(registered: str, given: str) -> bool:
    """True if `given` is the registered URI, on any port if that is on loopback."""
    # Character by character: each looser comparison has sent codes to attackers (RFC 9700, 4.1).
    if registered == given:
        return True
    # The one exception: a native app gets its port from the system when it starts (RFC 8252, 7.3).
    if not (is_loopback(registered) and is_loopback(given)):
        return False
    return _without_port(registered) == _without_port(given)


def destination(uri: str) -> str:
    """What a person is told about where they will be sent: the host, or the app's scheme."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return f"the app behind {parts.scheme}://"
    return "this computer" if is_loopback(uri) else parts.netloc


def form_action_source(uri: str) -> str:
    """The CSP source expression that covers the URI."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc}"


def form_action(github_web_url: str, uri: str) -> list[str]:
    """Everywhere that the redirects after our form may lead: Chromium checks each of them.

    GitHub redirects at once where the person agreed before, then we do, to the client. An
    Enterprise Server may go by the sign-in page of the company first.
    """
    sources = ["'self'", github_web_url, form_action_source(uri)]
    return sources if github_web_url == PUBLIC_WEB_URL else [*sources, "https:"]


def _split(uri: str) -> SplitResult | None:
    """The parts of a well-formed URI without fragment and user, else `None`."""
    # A fragment would hide our parameters from the client's server (RFC 6749, 3.1.2).
    if len(uri) > MAX_REDIRECT_URI_CHARACTERS or not _URI.match(uri.lower()) or "#" in uri:
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    # A user name is refused here too: in `https://trusted.example@evil.example/` it deceives.
    if not _NETLOC.match(parts.netloc.lower()) or not (parts.netloc or parts.path.strip("/")):
        return None
    return parts


def _has_response_parameter(query: str) -> bool:
    """True if a client could take the URI's own query for our response: of two parameters with one
    name some clients read the first, and some separate parameters at a semicolon too."""
    names = (unquote_plus(each.partition("=")[0]) for each in re.split("[&;]", query))
    return any(name in _RESPONSE_NAMES or name.startswith("error_") for name in names)


def _without_port(uri: str) -> tuple[str | None, str, str]:
    parts = urlsplit(uri)
    return parts.hostname, parts.path or "/", parts.query


def is_app_scheme(scheme: str) -> bool:
    """True for a scheme, in lower case, that a program on a person's device may have registered.

    RFC 8252, 7.1, wants the reversed name of a domain (`com.example.app`), as RFC 7595, 3.8, does
    for private use. Editors and assistants register a plain word (`cursor`, `vscode`), new ones
    come every month, and a list of them is always too short. So this is a rule: a well-formed
    scheme is an app's unless it is known to be none. Not an app's are those with which a browser or
    an operating system does something itself, because an authorization response is a redirect that
    anybody can have registered (RFC 9700, 4.1): it would run a script on a page, open a file,
    settings or a store, connect to a machine of the attacker's choice, or reach a web site instead
    of a program that the person has installed.

    No rule can know whose a scheme is. That is why the person is shown it before anything is sent,
    and why a code without its PKCE verifier is worth nothing (RFC 8252, 8.1).
    """
    if not MIN_SCHEME_CHARACTERS <= len(scheme) <= MAX_SCHEME_CHARACTERS:
        return False
    if not _APP_SCHEME.match(scheme) or scheme in _NO_APPS:
        return False
    return not scheme.startswith(_NO_APPS_BEGIN) and not _CARRIES_THE_WEB.match(scheme)


MIN_SCHEME_CHARACTERS: Final = 2
"""One letter and a colon are a drive to Windows."""

MAX_SCHEME_CHARACTERS: Final = 80
"""A person must be able to take it in. Google's for iOS, the longest in use, have 75."""

# RFC 3986, 3.1, in lower case, no label empty. And no plus, with which a scheme names what carries
# it (`git+https`, `coap+tcp`), or that it belongs to a site (`web+…`) or an extension (`ext+…`).
_APP_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*\Z")

_BROWSERS: Final = """
    about blob brave cid content data devtools dweb edge feed file filesystem ftp hyper
    isolated-app jar javascript jscript livescript mhtml mid mocha opera orion page-icon pcast read
    res resource vbscript vivaldi wyciwyg ws wss
"""
"""What browsers show, run or fetch themselves (Fetch, 4.2 and 4.3; the pages inside a browser;
containers, which hold a document of any type)."""

_SITES: Final = """
    bitcoin cabal dat did ethereum ftps geo im ipfs ipns irc irc6 ircs magnet mailto matrix mms
    news nntp openpgp4fpr sftp sip sips sms smsto ssb ssh tel urn webcal webcals wtai xmpp
"""
"""What a web site may register for itself (HTML, 8.9.1.2, and what browsers add)."""

_SYSTEMS: Final = """
    addressbook admin afc app-prefs app-settings applescript apt apturl appstream burn callto
    computer facetime facetime-audio facetime-prompt ghelp hcp help imessage intent jnlp jnlps
    localhost macappstore macappstores man mapi map maps market message mmsto mtp network
    outlookfeed package photos-redirect prefs recent root-prefs search search-ms settings shell
    shortcuts snap stssync trash windowsdefender workflow
"""
"""What an operating system does: settings, installers, stores, files, scripts, calls. And a word
that a person would take for an address of this machine."""

_NETWORK: Final = """
    acap adb afp amqp amqps cap cifs coap coaps cvs dav davs dict dns ed2k finger fish gemini git
    go gopher h323 hg http iax icap imap imaps ipp ipps jabber jdbc jms ldap ldapi ldaps lpd mmsh
    mmst mqtt mqtts msrp msrps nfs ntp pop pop3 rdp redis rediss rlogin rmi rsync rtmp rtmps rtsp
    rtsps rtspu scp smb smtp smtps snews snmp spdy stun stuns svn tcp telnet tftp tn3270 torrent
    turn turns udp unc unix vnc wais ymsgr z39.50 z39.50r z39.50s
"""
"""Protocols: a machine that the address names would be connected to (IANA's register of URI
schemes, and what file managers and terminals take)."""

_NAMES: Final = """
    doi example info isbn ni nih oid opaquelocktoken pkcs11 service session tag thismessage uuid
"""
"""Names of things, which open nothing and are nobody's program."""

_NO_APPS: Final = frozenset(" ".join((_BROWSERS, _SITES, _SYSTEMS, _NETWORK, _NAMES)).split())

_NO_APPS_BEGIN: Final = (
    "about-",
    "android-",
    "android.",
    "chrome",
    "com.apple.",
    "edge-",
    "firefox",
    "googlechrome",
    "http-",
    "http.",
    "https",
    "itms",
    "javascript",
    "microsoft-edge",
    "microsoft.windows.",
    "moz-",
    "ms-",
    "safari-",
    "view-source",
    "webkit-",
    "x-apple",
    "x-help",
    "x-man-page",
    "x-safari",
    "x-web-search",
)
"""Families of browsers and systems, which grow by new members. And what looks like the web and is
not: `https.example.com:/`."""

_CARRIES_THE_WEB = re.compile(r"[a-z0-9-]*-(https?|javascript)(-[a-z0-9-]*)?\Z")
"""`opera-http`, `touch-https`: a browser opens the web address that follows."""
