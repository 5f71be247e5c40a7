"""Our own access tokens open only here, only now, and only whole."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import SignInRequired
from gist_mcp.github.credential import GitHubToken
from gist_mcp.principal import GitHubUserId
from gist_mcp.tokens.access_token import (
    ACCESS_TOKEN_LIFETIME_SECONDS,
    ACCESS_TOKEN_PREFIX,
    MAX_ACCESS_TOKEN_CHARACTERS,
    AccessTokenPayload,
    open_access_token,
    seal_access_token,
)
from gist_mcp.tokens.sealing import Sealer

NOW = 1_800_000_000
RESOURCE = "http://localhost:9991/mcp"
KEY = "first-key-of-at-least-32-characters"
SEALER = Sealer([KEY])
PAYLOAD = AccessTokenPayload(
    github_token=GitHubToken("gho_" + "a" * 36),
    user_id=GitHubUserId(583231),
    login="octocat",
    client_id="sign-in-page",
    scopes=frozenset({"gist", "read:user"}),
    resource=RESOURCE,
    issued_at=NOW,
    expires_at=NOW + ACCESS_TOKEN_LIFETIME_SECONDS,
)
TOKEN = seal_access_token(SEALER, PAYLOAD)


def test_a_token_opens_to_what_was_sealed() -> None:
    assert open_access_token(SEALER, TOKEN, resource=RESOURCE, now=NOW) == PAYLOAD


def test_a_token_shows_nothing_of_what_is_inside() -> None:
    assert TOKEN.startswith(ACCESS_TOKEN_PREFIX)
    assert PAYLOAD.github_token.reveal() not in TOKEN
    assert "gho_" not in repr(PAYLOAD)


def test_a_token_ends_with_its_last_second() -> None:
    end = PAYLOAD.expires_at

    assert open_access_token(SEALER, TOKEN, resource=RESOURCE, now=end - 1) == PAYLOAD
    with pytest.raises(SignInRequired):
        open_access_token(SEALER, TOKEN, resource=RESOURCE, now=end)


def test_a_token_for_another_server_is_refused() -> None:
    with pytest.raises(SignInRequired):
        open_access_token(SEALER, TOKEN, resource="https://gists.example.com/mcp", now=NOW)


def test_keys_rotate_without_signing_anybody_out() -> None:
    rotated = Sealer(["second-key-of-at-least-32-characters", KEY])

    assert open_access_token(rotated, TOKEN, resource=RESOURCE, now=NOW) == PAYLOAD


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(SignInRequired):
        open_access_token(Sealer(["x" * 32]), TOKEN, resource=RESOURCE, now=NOW)


def test_something_else_that_we_sealed_is_not_an_access_token() -> None:
    other = SEALER.seal("hop", b"{}", context=RESOURCE)
    of_another_version = SEALER.seal("access-token", b'{"v": 9}', context=RESOURCE)

    for sealed in (other, of_another_version):
        with pytest.raises(SignInRequired):
            open_access_token(SEALER, ACCESS_TOKEN_PREFIX + sealed, resource=RESOURCE, now=NOW)


def test_all_refusals_read_the_same() -> None:
    expired = dataclasses.replace(PAYLOAD, expires_at=NOW)
    texts = set()
    for token in ("nonsense", TOKEN[:-1], seal_access_token(SEALER, expired), TOKEN + "=" * 5000):
        with pytest.raises(SignInRequired) as refused:
            open_access_token(SEALER, token, resource=RESOURCE, now=NOW)
        texts.add(str(refused.value))

    assert len(texts) == 1


def test_the_longest_github_token_fits() -> None:
    long = dataclasses.replace(PAYLOAD, github_token=GitHubToken("g" * 1024))

    token = seal_access_token(SEALER, long)

    assert len(token) <= MAX_ACCESS_TOKEN_CHARACTERS
    assert open_access_token(SEALER, token, resource=RESOURCE, now=NOW) == long


@given(st.text(max_size=200), st.booleans())
def test_any_other_text_is_refused(text: str, prefixed: bool) -> None:
    token = ACCESS_TOKEN_PREFIX + text if prefixed else text

    with pytest.raises(SignInRequired):
        open_access_token(SEALER, token, resource=RESOURCE, now=NOW)


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_changed_character_breaks_a_token(at: int, character: str) -> None:
    changed = TOKEN[:at] + character + TOKEN[at + 1 :]
    if changed == TOKEN:
        return

    with pytest.raises(SignInRequired):
        open_access_token(SEALER, changed, resource=RESOURCE, now=NOW)
