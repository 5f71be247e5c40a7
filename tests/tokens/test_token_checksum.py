"""Which texts have the form of a GitHub token."""

from collections.abc import Iterator

import pytest

from gist_mcp.tokens.token_checksum import is_plausible_token
from tests.support.github_simulator import GitHubSimulator, GitHubSimulatorInProcess, TokenKind

EXAMPLE = "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"
"""GitHub's own, in "Behind GitHub's new authentication token formats"."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[GitHubSimulator]:
    with GitHubSimulatorInProcess() as running:
        yield running


def test_githubs_own_example_is_plausible() -> None:
    assert is_plausible_token(EXAMPLE)


@pytest.mark.parametrize("kind", ["oauth", "classic", "fine_grained", "app_user"])
def test_tokens_of_the_simulator_are_plausible(simulator: GitHubSimulator, kind: TokenKind) -> None:
    assert all(is_plausible_token(simulator.create_token(kind=kind)) for _ in range(20))


@pytest.mark.parametrize(
    "text",
    [
        EXAMPLE[:-1] + "8",
        EXAMPLE[:10] + "x" + EXAMPLE[11:],
        EXAMPLE[:-1],
        EXAMPLE + "0",
        EXAMPLE + "\n",
        EXAMPLE[4:],
        "gho_" + "x" * 36,
        "github_pat_" + "x" * 82,
        "0123456789abcdef0123456789abcdef01234567",
        "",
    ],
)
def test_others_are_not(text: str) -> None:
    assert not is_plausible_token(text)
