"""Finds secrets in a text before it is published: tokens, cloud keys, private keys.

The patterns are detect-secrets' (https://github.com/Yelp/detect-secrets), and a few of ours for
what it does not know. Only patterns with a form of their own are used: what guesses by entropy or
by a word before a value sees a secret in every second snippet.

Of the library nothing but the patterns is used. Its scan has global settings, which all threads of
a process share, and may ask the issuer of a secret over the network whether it is valid.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

MAX_FINDINGS: Final = 20
"""More are not looked for: one is enough to ask."""

WINDOW_CHARACTERS: Final = 16 * 1024
"""So much of a text is searched at a time. A pattern may take the square of it."""

OVERLAP_CHARACTERS: Final = 4 * 1024
"""So much of a window is searched again with the next one: no secret is longer."""

_LIBRARY: Final[tuple[type[RegexBasedDetector], ...]] = (
    ArtifactoryDetector,
    AWSKeyDetector,
    AzureStorageKeyDetector,
    BasicAuthDetector,
    CloudantDetector,
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    GitLabTokenDetector,
    IbmCloudIamDetector,
    IbmCosHmacDetector,
    MailchimpDetector,
    PrivateKeyDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SoftlayerDetector,
    SquareOAuthDetector,
    StripeDetector,
    TelegramBotTokenDetector,
    TwilioKeyDetector,
)

_OURS: Final = {
    "GitHub Token": (r"github_pat_[A-Za-z0-9_]{40,}",),
    # Access and refresh tokens, codes, secrets of clients; a client id is no secret.
    "Token of this server": (r"ggm_(?:at|rt|code|secret)_[A-Za-z0-9_.~-]{16,}",),
    "Google API Key": (
        r"AIza[A-Za-z0-9_-]{35}",
        r"GOCSPX-[A-Za-z0-9_-]{28}",
        r"ya29\.[A-Za-z0-9_-]{20,}",
    ),
    "Azure Client Secret": (
        r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])",
    ),
    "Private Key": (
        r"BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",
        r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        r"PuTTY-User-Key-File-3",
    ),
    "Slack Token": (
        r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{20,}",
        r"xoxe(?:\.xox[bp])?-[0-9]-[A-Za-z0-9]{20,}",
    ),
    "Stripe Access Key": (r"whsec_[A-Za-z0-9]{32,}",),
    # Not the library's for these three: they take the square of a text's length, or worse.
    "OpenAI Token": (r"[A-Za-z0-9_-]{20}T3BlbkFJ[A-Za-z0-9_-]{20}",),
    "NPM Token": (
        r"npm_[A-Za-z0-9]{36}",
        r":_authToken=\s{0,20}[A-Fa-f0-9-]{36}",
    ),
    "Anthropic API Key": (r"sk-ant-[a-z0-9]{1,20}-[A-Za-z0-9_-]{80,}",),
    "Hugging Face Token": (r"hf_[A-Za-z]{34}",),
    "DigitalOcean Token": (r"do[opr]_v1_[a-f0-9]{64}",),
}

_BASIC_AUTH: Final = "Basic Auth Credentials"
_JSON_WEB_TOKEN: Final = "JSON Web Token"
_JWT: Final = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

_PATTERNS: Final = tuple(
    (str(detector.secret_type), pattern)
    for detector in (each() for each in _LIBRARY)
    for pattern in detector.denylist
) + tuple((kind, re.compile(pattern)) for kind, patterns in _OURS.items() for pattern in patterns)

_PASSWORD_STAND_INS: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|your\W?\w*|my\W?\w*|change\W?me|example|"
    r"x+|\.+|<.*|\{.*|%.*)",
    re.IGNORECASE,
)
"""What examples have where a URL has a password."""


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """Where something stands that looks like a secret, and like which. Never the secret itself.

    `place` is a name for the text, `line` the line's number, from 1.
    """

    place: str
    line: int
    kind: str


def found_secrets(texts: Sequence[tuple[str, str]]) -> tuple[Finding, ...]:
    """What looks like a secret in the texts, `MAX_FINDINGS` at most.

    `texts` are pairs: a name for the place, and the text. For a thread: 900 kB take up to some
    seconds of it.
    """
    found: list[Finding] = []
    for place, text in texts:
        # One text may have the same kind twice in one line, and two windows the same match.
        for line, kind in sorted(set(_found_in(text, MAX_FINDINGS - len(found)))):
            found.append(Finding(place=place, line=line, kind=kind))
        if len(found) >= MAX_FINDINGS:
            break
    return tuple(found[:MAX_FINDINGS])


def _found_in(text: str, limit: int) -> Iterator[tuple[int, str]]:
    """Line and kind of each match, until `limit` different ones were found."""
    seen: set[tuple[int, str]] = set()
    lines_before = 0
    step = WINDOW_CHARACTERS - OVERLAP_CHARACTERS
    for start in range(0, max(1, len(text) - OVERLAP_CHARACTERS), step):
        window = text[start : start + WINDOW_CHARACTERS]
        for kind, position in _matches(window):
            line = 1 + lines_before + window.count("\n", 0, position)
            seen.add((line, kind))
            yield line, kind
            if len(seen) >= limit:
                return
        lines_before += window.count("\n", 0, step)


def _matches(window: str) -> Iterator[tuple[str, int]]:
    """Kind and position of what looks like a secret."""
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(window):
            if kind != _BASIC_AUTH or not _is_stand_in(match):
                yield kind, match.start()
    for match in _JWT.finditer(window):
        if _is_json_web_token(match.group()):
            yield _JSON_WEB_TOKEN, match.start()


def _is_stand_in(url: re.Match[str]) -> bool:
    """True for the part `://user:password@` of a URL if the password is none."""
    user = url.group().removeprefix("://").partition(":")[0]
    password = url.group(1)
    return password == user or _PASSWORD_STAND_INS.fullmatch(password) is not None


def _is_json_web_token(text: str) -> bool:
    try:
        return JwtTokenDetector.is_formally_valid(text)
    except RecursionError:
        # JSON that is nested a thousand times, which no token is.
        return False
