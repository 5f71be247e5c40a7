"""The vault gives a session its owner's newest credential, and nothing that was discarded."""

import asyncio

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId
from gist_mcp.sessions.credentials import CredentialVault

SESSION = McpSessionId("s")


def credential(token: str) -> GitHubCredential:
    return GitHubCredential(
        token=GitHubToken(token), user_id=GitHubUserId(1), login="o", scopes=frozenset()
    )


def test_the_newest_credential_wins() -> None:
    vault = CredentialVault()

    vault.put(SESSION, credential("old"))
    vault.put(SESSION, credential("new"))

    assert vault.get(SESSION) == credential("new")


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
