"""Which URI schemes may be an app's own, so that an answer may be sent to them.

RFC 8252, 7.1, wants the reversed name of a domain (`com.example.app`), as RFC 7595, 3.8, does for
private use. Editors and assistants register a plain word (`cursor`, `vscode`), new ones come every
month, and a list of them is always too short. So this is a rule: a well-formed scheme is an app's
unless it is known to be none. None are those with which a browser or an operating system does
something itself, because an answer is a redirect that anybody can have registered (RFC 9700,
4.1): it would run a script on a page, open a file, settings or a store, connect to a machine of the
attacker's choice, or reach a web site instead of a program that the person has installed.

What no rule can know is whose a scheme is. That is why the person is shown it before anything is
sent, and why a code without its PKCE verifier is worth nothing (RFC 8252, 8.1).
"""

import re
from typing import Final

MIN_SCHEME_CHARACTERS: Final = 2
"""One letter and a colon are a drive to Windows."""

MAX_SCHEME_CHARACTERS: Final = 80
"""A person must be able to take it in. Google's for iOS, the longest in use, have 75."""

# RFC 3986, 3.1, in lower case, no label empty. And no plus, with which a scheme names what carries
# it (`git+https`, `coap+tcp`), or that it belongs to a site (`web+…`) or an extension (`ext+…`).
_FORM = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*\Z")

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


def is_app_scheme(scheme: str) -> bool:
    """True for a scheme, in lower case, that a program on a person's device may have registered."""
    if not MIN_SCHEME_CHARACTERS <= len(scheme) <= MAX_SCHEME_CHARACTERS:
        return False
    if not _FORM.match(scheme) or scheme in _NO_APPS:
        return False
    return not scheme.startswith(_NO_APPS_BEGIN) and not _CARRIES_THE_WEB.match(scheme)
