"""When a person ends all access, what was on its way counts as before; and what their log tells."""

import secrets

import pytest

from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.audit_log import DONE, REFUSED
from gist_mcp.sessions.audit import Entry
from gist_mcp.tokens import grants
from tests.oauth.oauth_client import register
from tests.oauth.site import Site

pytestmark = pytest.mark.integration


@pytest.fixture
def account(site: Site) -> str:
    """Of somebody who has never been here."""
    user_id = GitHubUserId(secrets.randbelow(10**9))
    site.github.user = {**site.github.user, "id": user_id}
    return grants.account_id(site.app.state.deps.config.github_web_url, user_id)


def end_all(site: Site, account: str) -> None:
    context = site.app.state.deps.reboot_context()
    site.run(grants.end_all(context, account, now_seconds=site.now))


def log(site: Site, account: str) -> list[Entry]:
    deps = site.app.state.deps
    entries: list[Entry] = site.run(deps.audit.read(deps.reboot_context(), account))
    return entries


def counts(site: Site, account: str, issued_at_seconds: int) -> bool:
    """Whether a token that was taken by hand at that time still works."""
    return bool(
        site.run(
            grants.counts_still(
                site.app.state.deps.reboot_context(),
                account,
                issued_at_seconds=issued_at_seconds,
                now_seconds=site.now,
            )
        )
    )


def test_a_code_that_was_on_its_way_is_refused_and_a_later_one_is_not(
    site: Site, account: str
) -> None:
    client, later = register(site), register(site)
    code = client.code()
    end_all(site, account)

    refused = client.redeem(code)
    site.now += 1
    accepted = later.redeem(later.code())

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert accepted.status_code == 200


def test_every_client_is_refused_its_next_tokens(site: Site, account: str) -> None:
    clients = [register(site) for _ in range(2)]
    tokens = [each.tokens()["refresh_token"] for each in clients]
    end_all(site, account)
    site.now += 1

    answers = [each.refresh(token) for each, token in zip(clients, tokens, strict=True)]

    assert [each.json()["error"] for each in answers] == ["invalid_grant"] * 2


def test_a_token_that_was_taken_by_hand_ends_too(site: Site, account: str) -> None:
    assert counts(site, account, site.now)
    end_all(site, account)

    assert not counts(site, account, site.now)
    assert counts(site, account, site.now + 1)


def test_the_clients_with_access_are_told_by_name_and_leave_when_they_end(
    site: Site, account: str
) -> None:
    register(site, client_name="Claude").tokens()
    gone = register(site, client_name="Gone")
    gone.revoke(gone.tokens()["refresh_token"])
    context = site.app.state.deps.reboot_context()

    living = site.run(grants.living(context, account, now_seconds=site.now))

    assert [each.client_name for each in living.clients] == ["Claude"]


def test_the_log_tells_who_got_access_and_how_each_lost_it(site: Site, account: str) -> None:
    gives_back, used_twice, ended = (
        register(site, client_name=name) for name in ("gives back", "used twice", "ended")
    )
    gives_back.revoke(gives_back.tokens()["refresh_token"])
    code = used_twice.code()
    # The second time revokes, and the third is like the second.
    for _ in range(3):
        used_twice.redeem(code)
    refresh_token = ended.tokens()["refresh_token"]
    site.github.user_status = 401
    for _ in range(2):
        ended.refresh(refresh_token)

    told = sorted((each.client, each.event, each.outcome) for each in log(site, account))

    assert told == [
        ("ended", "client_allowed", DONE),
        ("ended", "ended_by_github", DONE),
        ("gives back", "client_allowed", DONE),
        ("gives back", "client_left", DONE),
        ("used twice", "client_allowed", DONE),
        ("used twice", "token_reused", REFUSED),
    ]


def test_the_log_tells_of_a_token_that_was_taken_by_hand(site: Site, account: str) -> None:
    answer = site.come_back(code="0123456789abcdef0123", state=site.set_out())

    assert answer.status_code == 200, answer.text
    assert [each.event for each in log(site, account)] == ["token_taken"]
