"""`ALLOWED_USERS`: how it is read, and whom it lets in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.allowed_users import MAX_LOGINS, AllowedUsers, Verdict
from gist_mcp.config_source import parse_config
from gist_mcp.errors import ConfigError

ALPHANUMERIC = string.ascii_letters + string.digits
LOGINS = st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,2}(_[a-z0-9]{1,8})?", fullmatch=True)
USER_IDS = st.integers(min_value=1, max_value=2**53)
RESOLVED = st.dictionaries(LOGINS, st.none() | USER_IDS)


def named(*entries: str) -> AllowedUsers:
    return AllowedUsers.parse(",".join(entries))


@pytest.mark.parametrize(
    ("text", "user_ids", "logins"),
    [
        ("octocat", set(), {"octocat"}),
        ("583231", {583231}, set()),
        ("@583231", set(), {"583231"}),
        ("@octocat, Hubot", set(), {"octocat", "hubot"}),
        ("octocat hubot\t583231\n,, 7", {583231, 7}, {"octocat", "hubot"}),
        (",octocat,OCTOCAT,", set(), {"octocat"}),
        ("mona-lisa_acme shortcode_admin", set(), {"mona-lisa_acme", "shortcode_admin"}),
        ("a" * 39, set(), {"a" * 39}),
    ],
)
def test_entries_are_ids_and_logins(text: str, user_ids: set[int], logins: set[str]) -> None:
    assert AllowedUsers.parse(text) == AllowedUsers(frozenset(user_ids), frozenset(logins))


@pytest.mark.parametrize(
    "entry",
    [
        "0",
        "007",
        "1" * 20,
        "-octocat",
        "octocat-",
        "octo--cat",
        "octo.cat",
        "octo cat!",
        "@",
        "@@octocat",
        "octocat_",
        "_acme",
        "octo_cat_acme",
        "octocat@example.com",
        "https://github.com/octocat",
        "octöcat",
        "\u0661\u0662",
        "dependabot[bot]",
        "a" * 40,
        "gho_" + "a1B2" * 9,
    ],
)
def test_a_malformed_entry_stops_the_start_and_is_not_repeated(entry: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_config({"ALLOWED_USERS": f"hubot,{entry}"}, production=False)

    assert refusal.value.variable == "ALLOWED_USERS"
    assert str(refusal.value).startswith("ALLOWED_USERS: entry ")
    assert "\n" not in str(refusal.value)
    assert entry not in str(refusal.value)


@pytest.mark.parametrize("text", [" ", ",", "\n", " , "])
def test_a_list_without_an_entry_lets_nobody_start(text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_config({"ALLOWED_USERS": text}, production=False)

    assert "names nobody" in str(refusal.value)


@pytest.mark.parametrize("environ", [{}, {"ALLOWED_USERS": ""}])
def test_an_empty_setting_is_everybody(environ: dict[str, str]) -> None:
    allowed = parse_config(environ, production=False).allowed_users

    assert allowed.is_everybody
    assert allowed.verdict(1, {}) is Verdict.ALLOWED


def test_no_more_logins_than_github_can_be_asked_about() -> None:
    logins = [f"user-{number}" for number in range(MAX_LOGINS)]
    user_ids = [str(number) for number in range(1, 2 * MAX_LOGINS)]

    assert len(named(*logins, *user_ids).logins) == MAX_LOGINS
    with pytest.raises(ValueError, match="numeric ids"):
        named(*logins, "one-more")


def test_who_is_named_by_id_needs_no_login_looked_up() -> None:
    allowed = named("583231", "hubot")

    assert allowed.verdict(583231, {}) is Verdict.ALLOWED
    assert allowed.verdict(480938, {}) is Verdict.UNDECIDED
    assert allowed.verdict(480938, {"hubot": 480938}) is Verdict.ALLOWED
    assert allowed.verdict(21031067, {"hubot": 480938}) is Verdict.REFUSED


def test_a_login_that_is_nobodys_lets_nobody_in() -> None:
    allowed = named("ghost-of-nobody")

    assert allowed.verdict(1, {"ghost-of-nobody": None}) is Verdict.REFUSED


def test_what_was_looked_up_for_another_setting_does_not_count() -> None:
    allowed = named("octocat")

    assert allowed.verdict(480938, {"octocat": 583231, "hubot": 480938}) is Verdict.REFUSED


@given(st.text())
def test_whatever_stands_there_is_read_or_refused_and_never_means_everybody(text: str) -> None:
    try:
        allowed = AllowedUsers.parse(text)
    except ValueError:
        return

    assert not allowed.is_everybody
    assert all(set(login) <= set(ALPHANUMERIC + "-_") for login in allowed.logins)


@given(st.lists(USER_IDS, min_size=1), st.lists(LOGINS), st.sampled_from([",", " ", ", ", "\n"]))
def test_what_is_written_is_read(user_ids: list[int], logins: list[str], separator: str) -> None:
    text = separator.join([*map(str, user_ids), *(f"@{login.upper()}" for login in logins)])

    assert AllowedUsers.parse(text) == AllowedUsers(frozenset(user_ids), frozenset(logins))


@given(st.frozensets(USER_IDS), st.frozensets(LOGINS), RESOLVED, USER_IDS)
def test_only_a_named_id_is_allowed_and_only_a_complete_list_refuses(
    user_ids: frozenset[int],
    logins: frozenset[str],
    resolved: dict[str, int | None],
    user_id: int,
) -> None:
    allowed = AllowedUsers(user_ids, logins)

    verdict = allowed.verdict(user_id, resolved)

    is_named = user_id in user_ids | {resolved[each] for each in logins & resolved.keys()}
    assert (verdict is Verdict.ALLOWED) == (is_named or not user_ids | logins)
    assert (verdict is Verdict.REFUSED) <= (logins <= resolved.keys())
    assert (verdict is Verdict.UNDECIDED) <= bool(allowed.unresolved(resolved))
