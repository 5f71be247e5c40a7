"""The vault gives a session its owner's newest credential, and nothing that was discarded."""

import asyncio

import pytest

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.sessions.credentials import MAX_CREDENTIALS, CredentialVault

SESSION = McpSessionId("s")


BOTH = frozenset({"gist", "read:user"})


def credential(
    token: str, scopes: frozenset[str] | None = frozenset(), *, user_id: int = 1
) -> GitHubCredential:
    return GitHubCredential(
        token=GitHubToken(token), user_id=GitHubUserId(user_id), login="o", scopes=scopes
    )


def test_the_newest_credential_wins() -> None:
    vault = CredentialVault()

    vault.put(SESSION, credential("old"))
    vault.put(SESSION, credential("new"))

    assert vault.get(SESSION) == credential("new")


def test_a_newer_credential_with_fewer_scopes_takes_no_better_one_away() -> None:
    vault, better = CredentialVault(), credential("better", BOTH)
    lesser = credential("lesser", frozenset({"read:user"}))

    vault.put(SESSION, better)
    vault.put(SESSION, lesser)

    assert vault.get(SESSION, "gist") == better
    assert vault.get(SESSION, "read:user") == lesser
    assert vault.get(SESSION) == lesser


def test_where_none_has_the_scopes_the_newest_one_is_told_what_it_lacks() -> None:
    vault, newer = CredentialVault(), credential("newer")
    vault.put(SESSION, credential("older", frozenset({"repo"})))
    vault.put(SESSION, newer)

    assert vault.get(SESSION, "gist") == newer


@pytest.mark.parametrize("scopes", [BOTH, frozenset({"gist", "user"}), None])
def test_a_newer_credential_that_can_do_as_much_replaces_the_older(
    scopes: frozenset[str] | None,
) -> None:
    vault, newer = CredentialVault(), credential("newer", scopes)
    vault.put(SESSION, credential("older", BOTH))
    vault.put(SESSION, newer)

    vault.refused(SESSION, newer.token)

    assert vault.get(SESSION, "gist") == newer


def test_what_github_has_refused_gives_way_to_another_and_the_last_one_stays() -> None:
    vault, better = CredentialVault(), credential("better", BOTH)
    lesser = credential("lesser", frozenset({"read:user"}))
    vault.put(SESSION, better)
    vault.put(SESSION, lesser)

    vault.refused(SESSION, better.token)
    assert vault.get(SESSION, "gist") == lesser
    vault.refused(SESSION, lesser.token)
    assert vault.get(SESSION, "gist") == lesser


def test_a_token_that_comes_again_with_fewer_scopes_is_no_second_one() -> None:
    vault, now = CredentialVault(), credential("one", frozenset({"read:user"}))
    vault.put(SESSION, credential("one", BOTH))

    vault.put(SESSION, now)

    assert vault.get(SESSION, "gist") == now


def test_nothing_of_another_account_stays_beside_the_newest() -> None:
    vault, newest = CredentialVault(), credential("owner's", frozenset(), user_id=1)
    vault.put(SESSION, credential("somebody's", BOTH, user_id=2))

    vault.put(SESSION, newest)

    assert vault.get(SESSION, "gist") == newest


def test_another_sessions_credential_is_never_given() -> None:
    vault = CredentialVault()
    vault.put(McpSessionId("another"), credential("another's", BOTH))

    assert vault.get(SESSION, "gist") is None


def test_who_comes_with_ever_other_scopes_fills_no_memory() -> None:
    vault = CredentialVault()

    for number in range(10 * MAX_CREDENTIALS):
        vault.put(SESSION, credential(f"token {number}", frozenset({f"scope {number}"})))

    assert len(vault._credentials[SESSION]) == MAX_CREDENTIALS


def test_a_waiting_call_goes_on_when_its_owner_comes() -> None:
    async def wait_and_come() -> GitHubCredential | None:
        vault = CredentialVault()
        waiting = asyncio.create_task(vault.wait_for(SESSION, timeout_seconds=5))
        await asyncio.sleep(0)
        vault.put(SESSION, credential("new"))
        return await waiting

    assert asyncio.run(wait_and_come()) == credential("new")


def test_the_credential_of_a_session_that_has_ended_is_forgotten_a_little_later() -> None:
    async def end() -> list[GitHubCredential | None]:
        vault = CredentialVault()
        vault.put(SESSION, credential("last"))
        vault.retire(SESSION, after_seconds=0)
        at_once = vault.get(SESSION)
        await asyncio.sleep(0.001)
        return [at_once, vault.get(SESSION)]

    assert asyncio.run(end()) == [credential("last"), None]


def test_a_call_whose_owner_stays_away_stops_waiting() -> None:
    waiting = CredentialVault().wait_for(SESSION, timeout_seconds=0.01)

    assert asyncio.run(waiting) is None


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_credential_that_nobody_uses_is_forgotten_and_one_in_use_stays() -> None:
    clock = Clock()
    vault = CredentialVault(idle_seconds=60, clock=clock)
    in_use = McpSessionId("in use")
    vault.put(SESSION, credential("idle"))
    vault.put(in_use, credential("in use"))

    clock.seconds = 59
    assert vault.get(in_use) == credential("in use")
    clock.seconds = 118

    assert vault.get(SESSION) is None
    assert vault.get(in_use) == credential("in use")


def test_a_call_waits_for_its_owner_when_the_credential_was_forgotten() -> None:
    async def wait_and_come() -> GitHubCredential | None:
        clock = Clock()
        vault = CredentialVault(idle_seconds=60, clock=clock)
        vault.put(SESSION, credential("idle"))
        clock.seconds = 61
        waiting = asyncio.create_task(vault.wait_for(SESSION, timeout_seconds=5))
        await asyncio.sleep(0)
        assert not waiting.done()
        vault.put(SESSION, credential("new"))
        return await waiting

    assert asyncio.run(wait_and_come()) == credential("new")
