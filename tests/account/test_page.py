"""How entries are shown and exported."""

import pytest

from gist_mcp.account.overview import Overview
from gist_mcp.account.page import _entries, _shown
from gist_mcp.servicers.audit_log import UNKNOWN
from gist_mcp.sessions.audit import EVENTS, TOOL_CALL, Entry

GITHUB = "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://gist.github.com/octocat/abc", "https://gist.github.com/octocat/abc"),
        (f"{GITHUB}/octocat/abc", f"{GITHUB}/octocat/abc"),
        ("http://elsewhere.example/abc", ""),
        (f"{GITHUB}.evil.example/abc", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("", ""),
    ],
)
def test_only_https_and_githubs_own_addresses_become_links(url: str, shown: str) -> None:
    assert _shown(Entry(event=TOOL_CALL, url=url), GITHUB)["url"] == shown


def test_an_end_in_doubt_is_told_as_one() -> None:
    shown = _shown(Entry(event=TOOL_CALL, tool="star_gist", outcome=UNKNOWN), GITHUB)

    assert (shown["what"], shown["outcome"]) == ("star_gist", "not known whether it was done")


@pytest.mark.parametrize("event", sorted(EVENTS.keys() - {TOOL_CALL}))
def test_every_event_has_words_for_the_person(event: str) -> None:
    assert _shown(Entry(event=event), GITHUB)["what"] == EVENTS[event]


def test_an_exported_entry_has_what_applies_to_it() -> None:
    entry = Entry(event="signed_out", at_seconds=1_800_000_000)

    assert _entries(Overview(clients=(), sessions=(), log=(entry,))) == [
        {"time": "2027-01-15T08:00:00Z", "event": "signed_out", "outcome": "done"}
    ]
