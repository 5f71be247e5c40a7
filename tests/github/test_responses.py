"""From an answer to a model or to the error that it stands for: tables."""

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
    RateLimited,
    ScopeRequired,
    SignInRequired,
)
from gist_mcp.github import responses
from gist_mcp.github.answer import Answer, Call
from tests.github.samples import (
    APP,
    FORK,
    GIST,
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


def test_a_user_is_read_with_what_the_headers_say_about_the_token() -> None:
    given_answer = answer(
        200, USER, x_oauth_scopes="gist, read:user", x_oauth_client_id="Iv1", etag='W/"1f"'
    )

    read = responses.interpret(READ, given_answer, responses.read_user, now=NOW)

    assert (read.user.id, read.user.login, read.user.name) == (583231, "octocat", None)
    assert read.scopes == {"gist", "read:user"}
    assert (read.client_id, read.etag) == ("Iv1", 'W/"1f"')


def test_a_token_without_scopes_has_an_empty_set() -> None:
    read = responses.interpret(READ, answer(200, USER), responses.read_user, now=NOW)

    assert (read.scopes, read.client_id, read.etag) == (frozenset(), None, None)


def test_a_gist_is_read_with_its_files() -> None:
    read = responses.interpret(WRITE, answer(201, GIST), responses.read_gist, now=NOW)

    assert (read.id, read.owner_id, read.comments) == ("aa5a315d61ae9438b18d", 583231, 2)
    assert read.created_at == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert [(file.filename, file.content, file.size_bytes) for file in read.files] == [
        ("a.txt", "hello", 5)
    ]


def test_a_gist_may_come_without_owner_description_and_files() -> None:
    bare = {**GIST, "owner": None, "description": None, "files": {"gone.txt": None}}

    read = responses.interpret(WRITE, answer(201, bare), responses.read_gist, now=NOW)

    assert (read.owner_id, read.owner_login, read.description, read.files) == (None, None, None, ())


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
    assert check.scopes == {"gist"}
    assert unknown is None


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
        (WRITE, answer(404, problem("Not Found"), x_oauth_scopes="gist"), NotFound),
        (WRITE, answer(404, problem("Not Found"), x_oauth_scopes="read:user"), ScopeRequired),
        (WRITE, answer(404, problem("Not Found"), x_oauth_scopes=""), ScopeRequired),
        (WRITE, answer(403, problem(FINE_GRAINED), x_oauth_scopes=""), Conflict),
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
        (READ, answer(200, {**GIST, "created_at": "yesterday"}), GitHubUnavailable),
        (READ, answer(200, {**GIST, "created_at": "2026-11-23T10:00:00"}), GitHubUnavailable),
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
