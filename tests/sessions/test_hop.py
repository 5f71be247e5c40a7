"""A request between two of our processes: nobody else can make one, or use it differently."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.sessions.hop import (
    HOP_HEADER,
    HOP_LIFETIME_SECONDS,
    Authenticated,
    Hop,
    HopLate,
    open_hop,
    opened_hop,
    seal_hop,
)
from gist_mcp.tokens.sealing import Sealer

NOW = 1_800_000_000.0
SEALER = Sealer(["k" * 40])
CALLER = Authenticated(
    session_id=McpSessionId("s"),
    is_new=True,
    principal=Principal(issuer="https://github.com", user_id=GitHubUserId(7), login="o"),
    credential=GitHubCredential(
        token=GitHubToken("gho_secret"),
        user_id=GitHubUserId(7),
        login="o",
        scopes=frozenset({"gist"}),
        expires_at_seconds=None,
    ),
)
HOP = Hop(method="POST", path="/mcp", state_ref="a.B:s", caller=CALLER)


def request(header: str, **changes: str) -> Request:
    """A request that carries the header, as the owner gets it."""
    sent = {"method": "POST", "path": "/mcp", "state_ref": "a.B:s", **changes}
    headers = {HOP_HEADER: header, "x-reboot-state-ref": sent["state_ref"]}
    return Request(
        {
            "type": "http",
            "method": sent["method"],
            "path": sent["path"],
            "query_string": b"",
            "server": ("localhost", 80),
            "scheme": "http",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )


@pytest.mark.parametrize(
    "hop",
    [
        HOP,
        replace(HOP, caller=None),
        replace(HOP, caller=replace(CALLER, read_only=True)),
        replace(HOP, request_id="an-id"),
    ],
)
def test_the_next_process_reads_what_the_first_sealed(hop: Hop) -> None:
    header = seal_hop(SEALER, hop, now_seconds=NOW)

    assert open_hop(SEALER, header, now_seconds=NOW) == hop
    assert opened_hop(SEALER, request(header), now_seconds=NOW) == hop


def test_unknown_scopes_stay_unknown_and_are_not_none() -> None:
    for scopes in (None, frozenset[str]()):
        caller = replace(CALLER, credential=replace(CALLER.credential, scopes=scopes))
        sent = replace(HOP, caller=caller)
        header = seal_hop(SEALER, sent, now_seconds=NOW)

        assert open_hop(SEALER, header, now_seconds=NOW) == sent


def test_the_token_does_not_show_in_the_header() -> None:
    assert "gho_secret" not in seal_hop(SEALER, HOP, now_seconds=NOW)


@pytest.mark.parametrize(
    "changes", [{"method": "DELETE"}, {"path": "/oauth/token"}, {"state_ref": "a.B:t"}]
)
def test_a_copied_hop_serves_its_own_method_path_and_state_only(changes: dict[str, str]) -> None:
    header = seal_hop(SEALER, HOP, now_seconds=NOW)

    with pytest.raises(HopLate):
        opened_hop(SEALER, request(header, **changes), now_seconds=NOW)


def test_another_deployments_hop_is_nothing() -> None:
    header = seal_hop(Sealer(["x" * 40]), HOP, now_seconds=NOW)

    assert open_hop(SEALER, header, now_seconds=NOW) is None


def test_what_was_sealed_for_another_purpose_is_nothing() -> None:
    header = SEALER.seal("token-hop", b"1800000000.0")

    assert open_hop(SEALER, header, now_seconds=NOW) is None


def test_a_hop_of_an_earlier_release_is_nothing() -> None:
    header = SEALER.seal("hop", b'{"method": "POST", "sealed_at_seconds": 1800000000.0}')

    assert open_hop(SEALER, header, now_seconds=NOW) is None


def test_an_old_hop_is_late_and_not_a_strangers() -> None:
    header = seal_hop(SEALER, HOP, now_seconds=NOW)
    later = NOW + HOP_LIFETIME_SECONDS + 1

    with pytest.raises(HopLate):
        open_hop(SEALER, header, now_seconds=later)


@given(st.text(max_size=200))
def test_any_header_is_nothing(header: str) -> None:
    assert open_hop(SEALER, header, now_seconds=NOW) is None
