"""Makes, finds and revokes tokens; knows them by digest only."""

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass

from github_simulator.model import Token, TokenKind
from github_simulator.simulator import Simulator

ACCESS_TOKEN_LIFETIME_SECONDS = 28_800
REFRESH_TOKEN_LIFETIME_SECONDS = 15_897_600
UNUSED_TOKEN_LIFETIME_SECONDS = 365 * 86_400  # non-expiring OAuth tokens, without use
FRESH_TOKEN_SECONDS = 60  # an unused token this young is spared at first

PREFIXES: dict[TokenKind, str] = {
    "oauth": "gho_",
    "classic": "ghp_",
    "fine_grained": "github_pat_",
    "app_user": "ghu_",
}
RANDOM_CHARACTERS = 36
"""Behind the prefix, the checksum among them. A fine-grained token has 82."""

REFRESH_TOKEN_CHARACTERS = 76
ALPHABET = string.ascii_letters + string.digits
CHECKSUM_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECKSUM_CHARACTERS = 6


@dataclass(frozen=True)
class IssuedToken:
    """A new token with its values, which exist nowhere else."""

    token: Token
    access_token: str = ""
    refresh_token: str | None = None


def sha256_hex(value: str) -> str:
    """The digest under which a token or code is kept."""
    # JSON can carry lone surrogates, which no token has: replaced, not an exception.
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def random_text(length: int) -> str:
    """Letters and digits from the system's random source."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def random_part(kind: TokenKind) -> str:
    """What follows the prefix: where GitHub has published how, with a checksum at its end."""
    if kind == "fine_grained":
        return f"{random_text(22)}_{random_text(59)}"
    body = random_text(RANDOM_CHARACTERS - CHECKSUM_CHARACTERS)
    return body + checksum(body)


def checksum(body: str) -> str:
    """CRC-32 in base 62 (GitHub, "Behind GitHub's new authentication token formats")."""
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(CHECKSUM_ALPHABET))
        digits = CHECKSUM_ALPHABET[digit] + digits
    return digits


def issue_token(
    simulator: Simulator,
    user_id: int,
    scopes: list[str],
    *,
    kind: TokenKind = "oauth",
    expires: bool = False,
) -> IssuedToken:
    """A new token. The app's eleventh for the same user and scopes revokes an older one."""
    now = simulator.clock.now()
    value = PREFIXES[kind] + random_part(kind)
    refresh_value = "ghr_" + random_text(REFRESH_TOKEN_CHARACTERS) if expires else None
    token = Token(
        token_id=simulator.world.next_number(),
        digest=sha256_hex(value),
        last_eight=value[-8:],
        kind=kind,
        user_id=user_id,
        client_id=simulator.app.client_id if kind == "oauth" else None,
        scopes=scopes,
        created_at=now,
        updated_at=now,
        expires_at=now + ACCESS_TOKEN_LIFETIME_SECONDS if expires else None,
    )
    if refresh_value is not None:
        token.refresh_digest = sha256_hex(refresh_value)
        token.refresh_expires_at = now + REFRESH_TOKEN_LIFETIME_SECONDS
    if kind == "oauth":
        _make_room(simulator, token, now)
    simulator.world.tokens[token.digest] = token
    simulator.store.changed()
    return IssuedToken(token, value, refresh_value)


def _make_room(simulator: Simulator, new: Token, now: float) -> None:
    """The limit of ten tokens, in the documented order of who must go."""
    alike = [
        token
        for token in simulator.world.tokens.values()
        if (token.user_id, token.client_id) == (new.user_id, new.client_id)
        and set(token.scopes) == set(new.scopes)
        and not _is_dead(token, now)
    ]
    limit = simulator.settings.tokens_per_scope_set
    if limit is None or len(alike) < limit:
        return
    unused = [token for token in alike if token.last_used_at is None]
    settled = [token for token in unused if now - token.created_at > FRESH_TOKEN_SECONDS]
    used = [token for token in alike if token.last_used_at is not None]
    if settled:
        victim = min(settled, key=lambda token: token.created_at)
    elif used:
        victim = min(used, key=lambda token: token.last_used_at or 0.0)
    else:
        victim = min(unused, key=lambda token: token.created_at)
    revoke(simulator, victim)


def find_token(simulator: Simulator, digest: str | None) -> Token | None:
    """The live token with this digest; None if there is none or it has expired."""
    token = simulator.world.tokens.get(digest) if digest else None
    return None if token is None or _is_dead(token, simulator.clock.now()) else token


def find_by_refresh_token(simulator: Simulator, refresh_token: str) -> Token | None:
    """The token pair that this live refresh token belongs to."""
    digest, now = sha256_hex(refresh_token), simulator.clock.now()
    for token in simulator.world.tokens.values():
        if token.refresh_digest == digest and (token.refresh_expires_at or 0.0) > now:
            return token
    return None


def _is_dead(token: Token, now: float) -> bool:
    if token.expires_at is not None:
        return token.expires_at <= now
    last_sign_of_life = token.last_used_at or token.created_at
    return token.kind == "oauth" and now - last_sign_of_life > UNUSED_TOKEN_LIFETIME_SECONDS


def revoke(simulator: Simulator, token: Token) -> None:
    """The token and its refresh token are dead from now on."""
    simulator.world.tokens.pop(token.digest, None)
    simulator.store.changed()


def revoke_where(simulator: Simulator, user_id: int | None, client_id: str | None) -> int:
    """Revoke all tokens of a user, of an app, or of both together; returns how many."""
    doomed = [
        token
        for token in simulator.world.tokens.values()
        if user_id in (None, token.user_id) and client_id in (None, token.client_id)
    ]
    for token in doomed:
        revoke(simulator, token)
    return len(doomed)


def revoke_grant(simulator: Simulator, user_id: int, client_id: str) -> None:
    """The user no longer allows the app anything; all its tokens for them die."""
    revoke_where(simulator, user_id, client_id)
    grant = simulator.world.grant_of(user_id, client_id)
    if grant is not None:
        simulator.world.grants.remove(grant)
        simulator.store.changed()
