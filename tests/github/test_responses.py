"""From an answer to a model or to the error that it stands for: tables."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    GitHubRefusesServer,
    GitHubUnavailable,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    PermissionRequired,
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github import responses
from gist_mcp.github.answer import Answer, Call
from gist_mcp.github.models import SameUser
from tests.github.samples import (
    APP,
    FORK,
    GIST,
    LIST,
    NOW,
    RAW,
    READ,
    TOKEN,
    USER,
    WRITE,
    answer,
    problem,
)


def error_of(call: Call, given_answer: Answer, *secrets: str) -> GistMcpError:
    with pytest.raises(GistMcpError) as raised:
        responses.interpret(call, given_answer, responses.read_gist, now=NOW, secrets=secrets)
    return raised.value


def error_of_reading(read: Callable[[Answer], object], body: object) -> GistMcpError:
    with pytest.raises(GistMcpError) as raised:
        responses.interpret(LIST, answer(200, body), read, now=NOW)
    return raised.value


def test_a_user_is_read_with_what_the_headers_say_about_the_token() -> None:
    given_answer = answer(
        200, USER, x_oauth_scopes="gist, read:user", x_oauth_client_id="Iv1", etag='W/"1f"'
    )

    read = responses.interpret(READ, given_answer, responses.read_user, now=NOW)

    assert (read.user.id, read.user.login, read.user.name) == (583231, "octocat", None)
    assert read.scopes == frozenset({"gist", "read:user"})
    assert (read.client_id, read.etag) == ("Iv1", 'W/"1f"')


def test_no_header_is_not_no_scopes() -> None:
    silent = responses.interpret(READ, answer(200, USER), responses.read_user, now=NOW)
    none = responses.interpret(
        READ, answer(200, USER, x_oauth_scopes=""), responses.read_user, now=NOW
    )

    assert (silent.scopes, silent.client_id, silent.etag) == (None, None, None)
    assert none.scopes == frozenset()


def test_an_empty_header_says_nothing_of_a_token_with_permissions() -> None:
    given_answer = replace(answer(200, USER, x_oauth_scopes=""), to_permissions=True)

    assert responses.read_user(given_answer).scopes is None
    assert responses.read_user_unless_same(replace(given_answer, status=304)) == SameUser(
        scopes=None
    )


@pytest.mark.parametrize("field", ["name", "bio", "public_gists", "followers", "html_url"])
@pytest.mark.parametrize("odd", [None, {"a": [1]}, -1.5])
def test_a_user_is_known_whatever_github_says_of_their_looks(field: str, odd: object) -> None:
    read = responses.read_user(answer(200, {**USER, field: odd}))

    assert (read.user.id, read.user.login) == (583231, "octocat")
    assert getattr(read.user, field) is None


@pytest.mark.parametrize("field", ["id", "login"])
def test_a_user_without_id_or_login_is_nobody(field: str) -> None:
    error = error_of_reading(responses.read_user, {**USER, field: None})

    assert type(error) is GitHubUnavailable


def test_a_gist_is_read_with_its_files() -> None:
    read = responses.interpret(WRITE, answer(201, GIST), responses.read_gist, now=NOW)

    assert (read.id, read.owner_id, read.comments) == ("aa5a315d61ae9438b18d", 583231, 2)
    assert read.created_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert [(file.filename, file.content, file.size_bytes) for file in read.files] == [
        ("a.txt", "hello", 5)
    ]


@pytest.mark.parametrize(
    ("status", "headers", "is_file"),
    [
        (200, {"content_type": "text/plain; charset=utf-8"}, True),
        (200, {"content_type": "application/octet-stream"}, True),
        (200, {}, True),
        (200, {"content_type": "Text/HTML; charset=utf-8"}, False),
        (302, {"location": "https://git.example.com/login"}, False),
    ],
)
def test_a_page_or_a_redirect_is_not_taken_for_a_file(
    status: int, headers: dict[str, str], is_file: bool
) -> None:
    given_answer = answer(status, "content", **headers)

    assert responses.read_raw(given_answer) == (given_answer.body if is_file else None)


def test_a_gist_may_come_without_owner_description_and_files() -> None:
    bare = {**GIST, "owner": None, "description": None, "files": {}}

    read = responses.interpret(WRITE, answer(201, bare), responses.read_gist, now=NOW)

    assert (read.owner_id, read.owner_login, read.description, read.files) == (None, None, None, ())


@pytest.mark.parametrize("odd", [None, 7, [], {"size": "5", "filename": None, "truncated": None}])
def test_a_file_of_which_github_says_nothing_legible_keeps_its_name(odd: object) -> None:
    read = responses.read_gist(answer(200, {**GIST, "files": {"a.txt": odd}}))

    (file,) = read.files
    assert (file.filename, file.size_bytes, file.content) == ("a.txt", None, None)
    assert (file.truncated, file.encoding) == (False, "utf-8")


@pytest.mark.parametrize("date", [None, "yesterday", "2026-11-23T10:00:00", 0, 1_800_000_000, "5"])
def test_a_date_that_is_none_is_unknown_and_not_long_ago(date: object) -> None:
    read = responses.read_gist(answer(200, {**GIST, "created_at": date, "updated_at": date}))

    assert (read.created_at, read.updated_at) == (None, None)


@pytest.mark.parametrize("field", ["owner", "comments", "truncated"])
@pytest.mark.parametrize("odd", [None, "x", {"id": None, "login": "octocat"}])
def test_a_gist_is_read_without_what_nobody_decides_by(field: str, odd: object) -> None:
    read = responses.read_gist(answer(200, {**GIST, field: odd, "something_new": {"deep": 1}}))

    assert read.id == GIST["id"]


UNREADABLE: list[object] = [
    None,
    [],
    "text",
    {},
    {**GIST, "id": None},
    {**GIST, "html_url": None},
    {**GIST, "public": None},
    {**GIST, "public": "false"},
    {**GIST, "files": None},
    {**GIST, "files": []},
    {**GIST, "description": 5},
    {**GIST, "description": "\ud800"},
]


@pytest.mark.parametrize("odd", UNREADABLE)
def test_one_gist_that_cannot_be_read_does_not_hide_the_others(odd: object) -> None:
    other = {**GIST, "id": "bb"}

    page = responses.read_gist_page(answer(200, [GIST, odd, other], link="<https://x>; rel=next"))

    assert [gist.id for gist in page.gists] == [GIST["id"], "bb"]
    assert len(page.unreadable) == 1
    assert page.next_url == "https://x"


def test_of_a_gist_that_cannot_be_read_its_age_may_be_known() -> None:
    old, odd = {**GIST, "files": None}, {"created_at": 5}

    page = responses.read_gist_page(answer(200, [old, odd]))

    assert [gist.created_at for gist in page.unreadable] == [
        datetime(2026, 11, 23, 10, tzinfo=UTC),
        None,
    ]


@pytest.mark.parametrize("body", [b"{}", b"null", b"[", b"[1e", b"\xff[]", b"[" * 100_000])
def test_what_is_no_list_is_no_page(body: bytes) -> None:
    error = error_of_reading(responses.read_gist_page, body)

    assert type(error) is GitHubUnavailable


def test_a_page_knows_its_successor_and_the_time_at_github() -> None:
    link = (
        '<https://api.github.com/gists?page=1>; rel="prev", '
        '<https://api.github.com/gists?since=a,b&page=3>; rel="next", '
        '<https://api.github.com/gists?page=9>; rel="last"'
    )
    date = "Mon, 23 Nov 2026 10:00:00 GMT"

    page = responses.interpret(
        READ, answer(200, [GIST], link=link, date=date), responses.read_gist_page, now=NOW
    )

    assert page.next_url == "https://api.github.com/gists?since=a,b&page=3"
    assert page.answered_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert page.has_next


def test_a_last_page_has_no_successor() -> None:
    page = responses.interpret(READ, answer(200, []), responses.read_gist_page, now=NOW)

    assert (page.gists, page.has_next, page.answered_at) == ((), False, None)


def test_a_token_check_is_read_and_a_404_is_no_token() -> None:
    body = {
        "scopes": ["gist"],
        "app": {"client_id": "Iv1"},
        "user": {"id": 7, "login": "x"},
        "expires_at": "2027-01-15T08:00:00Z",
    }

    check = responses.interpret(APP, answer(200, body), responses.read_token_check, now=NOW)
    unknown = responses.interpret(APP, answer(404, {}), responses.read_token_check, now=NOW)

    assert check is not None
    assert (check.user_id, check.expires_at_seconds) == (7, 1_800_000_000)
    assert check.scopes == frozenset({"gist"})
    assert unknown is None


def test_a_token_check_may_name_neither_scopes_nor_user() -> None:
    body = {"scopes": None, "app": {"client_id": "Iv1"}, "user": None, "expires_at": "soon"}

    check = responses.read_token_check(answer(200, body))

    assert check is not None
    assert (check.scopes, check.user_id, check.expires_at_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("status", "headers", "starred"), [(204, {}, True), (404, {"x_oauth_scopes": "gist"}, False)]
)
def test_a_star_is_yes_or_no(status: int, headers: dict[str, str], starred: bool) -> None:
    assert responses.read_is_starred(answer(status, {}, **headers)) is starred


def test_a_404_about_a_star_without_the_scope_is_not_a_no() -> None:
    with pytest.raises(ScopeRequired):
        responses.read_is_starred(answer(404, {}, x_oauth_scopes="read:user"))


BAD_LOGINS = "Maximum number of login attempts exceeded. Please try again later."
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."
FINE_GRAINED = "Resource not accessible by personal access token"
INTEGRATION = "Resource not accessible by integration"


def with_permissions(given_answer: Answer) -> Answer:
    """The same to a token that has permissions instead of scopes."""
    return replace(given_answer, to_permissions=True)


@pytest.mark.parametrize(
    ("call", "given_answer", "error"),
    [
        (READ, answer(401, problem("Bad credentials")), SignInRequired),
        (WRITE, answer(401, problem("Bad credentials")), SignInRequired),
        (APP, answer(401, problem("Bad credentials")), GitHubRefusesServer),
        (APP, answer(422, problem("Validation Failed")), GitHubUnavailable),
        (RAW, answer(401), NotFound),
        (RAW, answer(404), NotFound),
        (READ, answer(404, problem("Not Found")), NotFound),
        (READ, answer(404, problem("Not Found"), x_oauth_scopes=""), NotFound),
        (LIST, answer(404, problem("Not Found")), NotFound),
        (WRITE, answer(404, problem("Not Found"), x_oauth_scopes="gist"), Conflict),
        (WRITE, answer(404, problem("Not Found")), ScopeRequired),
        (WRITE, with_permissions(answer(404, problem("Not Found"))), PermissionRequired),
        (FORK, answer(404, problem("Not Found"), x_oauth_scopes="gist"), NotFound),
        (FORK, answer(404, problem("Not Found"), x_oauth_scopes="read:user"), ScopeRequired),
        (FORK, answer(404, problem("Not Found")), NotFound),
        (FORK, with_permissions(answer(404, problem("Not Found"))), NotFound),
        (FORK, with_permissions(answer(403, problem(INTEGRATION))), PermissionRequired),
        (WRITE, answer(404, problem("Not Found"), x_oauth_scopes="read:user"), ScopeRequired),
        (WRITE, answer(404, problem("Not Found"), x_oauth_scopes=""), ScopeRequired),
        (WRITE, answer(403, problem(FINE_GRAINED), x_oauth_scopes=""), PermissionRequired),
        (READ, answer(403, problem(FINE_GRAINED)), PermissionRequired),
        (READ, answer(403, problem("Sorry. Your account was suspended")), Conflict),
        (READ, answer(403, problem(BAD_LOGINS)), RateLimited),
        (WRITE, answer(403, problem(SECONDARY)), RateLimited),
        (WRITE, answer(403, b"", retry_after="7"), RateLimited),
        (WRITE, answer(429, b"busy"), RateLimited),
        (APP, answer(429, b"busy"), RateLimited),
        (WRITE, answer(409, problem("Conflict")), Conflict),
        (WRITE, answer(413, b"<html>"), InvalidArgument),
        (WRITE, answer(422, problem("Validation Failed")), InvalidArgument),
        (FORK, answer(422, problem("You cannot fork your own gist")), Conflict),
        (WRITE, answer(400, problem("Problems parsing JSON")), GitHubRefusesServer),
        (READ, answer(410, problem("This version is no longer supported")), GitHubRefusesServer),
        (READ, answer(500), GitHubUnavailable),
        (WRITE, answer(500), OutcomeUnknown),
        (WRITE, answer(502, b"<html>"), OutcomeUnknown),
        (WRITE, answer(503, b"", retry_after="3"), OutcomeUnknown),
        (WRITE, answer(408), OutcomeUnknown),
        (WRITE, answer(304), OutcomeUnknown),
        (WRITE, answer(202, GIST), OutcomeUnknown),
        (WRITE, answer(201, b"not JSON"), OutcomeUnknown),
        (WRITE, answer(201, {**GIST, "id": "../../user"}), OutcomeUnknown),
        (WRITE, answer(201, {**GIST, "id": "aa5a\n"}), OutcomeUnknown),
        (READ, answer(200, b"\xff\xfe"), GitHubUnavailable),
        (READ, answer(200, b"[" * 100_000), GitHubUnavailable),
        (READ, answer(200, [1]), GitHubUnavailable),
        (READ, answer(200, {**GIST, "id": 5}), GitHubUnavailable),
        (READ, answer(200, {**GIST, "files": []}), GitHubUnavailable),
        (READ, answer(200, b'{"id": "\\ud800"}'), GitHubUnavailable),
    ],
)
def test_each_failure_becomes_the_error_of_whoever_must_act(
    call: Call, given_answer: Answer, error: type[GistMcpError]
) -> None:
    assert type(error_of(call, given_answer)) is error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "42", "x_ratelimit_remaining": "0", "x_ratelimit_reset": "9"}, 42),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW) + 100)}, 101),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(NOW) - 100)}, 1),
        ({"x_ratelimit_remaining": "0"}, 60),
        ({"x_ratelimit_remaining": "17", "x_ratelimit_reset": str(int(NOW) + 100)}, 60),
        ({"retry_after": "0"}, 1),
        ({"retry_after": "999999999"}, 86_400),
        ({"retry_after": "-5"}, 60),
        ({"retry_after": "٤٢"}, 60),
        ({"retry_after": "9" * 5000}, 60),
        ({"retry_after": "Mon, 23 Nov 2026 10:00:00 GMT"}, 60),
    ],
)
def test_the_wait_follows_githubs_rule(headers: dict[str, str], seconds: int) -> None:
    error = error_of(WRITE, answer(429, problem("API rate limit exceeded"), **headers))

    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == seconds
    assert f"{seconds} seconds" in str(error)


def test_the_wait_goes_by_githubs_clock_when_it_is_known() -> None:
    date = "Mon, 23 Nov 2026 10:00:00 GMT"
    reset = int(datetime(2026, 11, 23, 10, 0, 30, tzinfo=UTC).timestamp())

    error = error_of(
        READ, answer(403, b"", x_ratelimit_remaining="0", x_ratelimit_reset=str(reset), date=date)
    )

    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds == 31


def test_an_outage_says_when_to_come_back() -> None:
    error = error_of(READ, answer(503, b"", retry_after="30"))

    assert isinstance(error, GitHubUnavailable)
    assert error.retry_after_seconds == 30


@pytest.mark.parametrize(
    ("entry", "field", "words"),
    [
        ({"code": "missing_field", "field": "files"}, "files", "content in every file"),
        ({"code": "invalid", "field": "description"}, "description", "invalid"),
        ({"code": "custom", "field": "content", "message": "is odd"}, "files", "is odd"),
        ({"code": "custom", "field": "<script>", "message": "is odd"}, "files", "is odd"),
        ("just text", "files", "just text"),
        (7, "files", "Validation Failed"),
    ],
)
def test_a_422_names_our_field(entry: object, field: str, words: str) -> None:
    error = error_of(WRITE, answer(422, problem("Validation Failed", entry)))

    assert isinstance(error, InvalidArgument)
    assert error.field == field
    assert words in str(error)


def test_an_unverified_email_is_not_an_argument_to_fix() -> None:
    entry = {"resource": "Gist", "field": "user", "message": "user must have a verified email"}

    error = error_of(WRITE, answer(422, problem("Validation Failed", entry)))

    assert isinstance(error, Conflict)
    assert "Verify" in str(error)


@pytest.mark.parametrize(
    ("given_answer", "words"),
    [
        (answer(404, problem("Not Found")), "scope gist"),
        (answer(404, problem("Not Found"), x_oauth_scopes="read:user"), "scope gist"),
        (with_permissions(answer(404, problem("Not Found"))), 'permission "Gists: write"'),
        (with_permissions(answer(403, problem(FINE_GRAINED))), 'permission "Gists: write"'),
        (with_permissions(answer(403, problem(INTEGRATION))), 'permission "Gists: write"'),
        (answer(404, problem("Not Found"), x_oauth_scopes="gist"), "this account"),
    ],
)
def test_a_create_that_github_hides_is_told_by_what_is_missing(
    given_answer: Answer, words: str
) -> None:
    text = str(error_of(WRITE, given_answer))

    assert words in text
    assert "id" not in text.replace(".", " ").split()


@pytest.mark.parametrize(
    ("given_answer", "right"),
    [
        (answer(404, problem("Not Found")), "scope gist"),
        (with_permissions(answer(404, problem("Not Found"))), "Gists: write"),
    ],
)
def test_a_change_that_github_hides_may_be_either(given_answer: Answer, right: str) -> None:
    text = str(error_of(FORK, given_answer))

    assert "gist's id" in text
    assert right in text


def test_a_missing_permission_is_named_as_github_names_it() -> None:
    refused = answer(403, problem(FINE_GRAINED), x_accepted_github_permissions="gists=read")
    odd = answer(403, problem(FINE_GRAINED), x_accepted_github_permissions="<b>=x" + TOKEN)

    assert "gists=read" in str(error_of(READ, refused))
    assert "<b>" not in str(error_of(READ, odd))


def test_the_operator_reads_what_is_wrong_and_nobody_else() -> None:
    error = error_of(APP, answer(401, problem("Bad credentials")))

    assert "GITHUB_CLIENT_SECRET" in error.log_reason
    assert "GITHUB_CLIENT_SECRET" not in str(error)


@pytest.mark.parametrize("status", [400, 403, 409, 418, 422])
def test_a_token_that_github_echoes_is_not_shown(status: int) -> None:
    secret = "not-like-a-token-1234"
    body = problem(f"refused: {TOKEN} and {secret}", {"message": f"{TOKEN} {secret}"})

    for call in (READ, WRITE, APP):
        error = error_of(call, answer(status, body), TOKEN, secret)

        shown = str(error) + error.log_reason + repr(error)
        assert TOKEN not in shown
        assert secret not in shown
