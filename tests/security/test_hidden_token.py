"""The type that holds a GitHub token hides it, whatever is done to it."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, astuple

import pytest

from gist_mcp.github.credential import GitHubCredential, GitHubToken
from gist_mcp.principal import GitHubUserId

SECRET = "gho_canarycanarycanarycanarycanarycanary"
TOKEN = GitHubToken(SECRET)
CREDENTIAL = GitHubCredential(
    token=TOKEN, user_id=GitHubUserId(1), login="octocat", scopes=frozenset({"gist"})
)


@pytest.mark.parametrize(
    "show",
    [repr, str, "{}".format, "{!r}".format, "{:>80}".format, lambda it: "%s" % it, ascii],  # noqa: UP031
)
@pytest.mark.parametrize("holder", [TOKEN, CREDENTIAL, [TOKEN], {TOKEN: TOKEN}, (CREDENTIAL,)])
def test_text_of_it_does_not_show_it(show: Callable[[object], str], holder: object) -> None:
    try:
        text = show(holder)
    except TypeError:
        # Containers take no format specification.
        return

    assert SECRET not in text


@pytest.mark.parametrize(
    "leave",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        *(lambda it, n=n: pickle.dumps(it, n) for n in range(6)),
    ],
)
@pytest.mark.parametrize("holder", [TOKEN, [TOKEN]], ids=["token", "list"])
def test_it_does_not_leave_the_process(leave: Callable[[object], object], holder: object) -> None:
    if leave is copy.copy and isinstance(holder, list):
        pytest.skip("a copied list holds the same token")

    with pytest.raises(TypeError):
        leave(holder)


@pytest.mark.parametrize("unfold", [asdict, astuple])
def test_unfolding_a_credential_does_not_copy_it(unfold: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        unfold(CREDENTIAL)


def test_a_traceback_with_locals_does_not_show_it() -> None:
    def fails(token: GitHubToken, credential: GitHubCredential) -> None:
        raise RuntimeError(f"with {token} and {credential}")

    with pytest.raises(RuntimeError) as caught:
        fails(TOKEN, CREDENTIAL)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)

    text = "".join(shown.format())
    lines = [line for line in text.splitlines() if "SECRET" not in line]
    assert SECRET not in "\n".join(lines)


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("gist_mcp").debug("%s %r %s", TOKEN, CREDENTIAL, {"token": TOKEN})

    assert SECRET not in caplog.text
