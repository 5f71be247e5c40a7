"""A request between two of our processes: nobody else can make one, or use it differently."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId, McpSessionId, Principal
from gist_mcp.sessions.hop import HOP_LIFETIME_SECONDS, Hop, open_hop, seal_hop
from gist_mcp.tokens.sealing import Sealer

NOW = 1_800_000_000.0
SEALER = Sealer(["k" * 40])
HOP = Hop(
    method="POST",
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


def test_the_next_process_reads_what_the_first_sealed() -> None:
    assert (
        open_hop(SEALER, seal_hop(SEALER, HOP, now_seconds=NOW), method="POST", now_seconds=NOW)
        == HOP
    )


def test_unknown_scopes_stay_unknown_and_are_not_none() -> None:
    for scopes in (None, frozenset[str]()):
        sent = replace(HOP, credential=replace(HOP.credential, scopes=scopes))
        header = seal_hop(SEALER, sent, now_seconds=NOW)

        assert open_hop(SEALER, header, method="POST", now_seconds=NOW) == sent


def test_the_token_does_not_show_in_the_header() -> None:
    assert "gho_secret" not in seal_hop(SEALER, HOP, now_seconds=NOW)


def test_a_hop_serves_its_own_method_only() -> None:
    assert (
        open_hop(SEALER, seal_hop(SEALER, HOP, now_seconds=NOW), method="DELETE", now_seconds=NOW)
        is None
    )


def test_another_deployments_hop_is_nothing() -> None:
    assert (
        open_hop(
            SEALER,
            seal_hop(Sealer(["x" * 40]), HOP, now_seconds=NOW),
            method="POST",
            now_seconds=NOW,
        )
        is None
    )


def test_an_old_hop_is_nothing() -> None:
    header = seal_hop(SEALER, HOP, now_seconds=NOW)
    later = NOW + HOP_LIFETIME_SECONDS + 1

    assert open_hop(SEALER, header, method="POST", now_seconds=later) is None


@given(st.text(max_size=200))
def test_any_header_is_nothing(header: str) -> None:
    assert open_hop(SEALER, header, method="POST", now_seconds=NOW) is None
