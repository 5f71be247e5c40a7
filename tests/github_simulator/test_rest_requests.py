"""What every REST request meets: headers, versions, authentication, ETags, limits."""

from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import GitHubSimulator, TokenKind


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_the_api_is_at_the_root_and_under_api_v3(octocat: httpx.Client, prefix: str) -> None:
    assert octocat.get(f"{prefix}/user").json()["login"] == "octocat"


def test_an_oauth_token_is_described_in_headers(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    headers = octocat.get("/user").headers

    assert headers["x-oauth-scopes"] == "gist, read:user"
    assert headers["x-accepted-oauth-scopes"] == ""
    assert headers["x-oauth-client-id"] == github.client_id
    assert headers["x-github-api-version-selected"] == "2022-11-28"
    assert headers["x-github-media-type"] == "github.v3; format=json"
    assert headers["x-github-request-id"]
    assert "Authorization" in headers["vary"]
    assert headers["cache-control"] == "private, max-age=60, s-maxage=60"


def test_the_old_authorization_scheme_works(github: GitHubSimulator) -> None:
    headers = {"authorization": f"token {github.create_token()}"}

    assert httpx.get(f"{github.url}/user", headers=headers).status_code == 200


def test_a_classic_token_belongs_to_no_app(github: GitHubSimulator) -> None:
    token = github.create_token("octocat", ["gist"], kind="classic")

    with api_client(github, token) as client:
        headers = client.get("/user").headers

    assert token.startswith("ghp_")
    assert headers["x-oauth-scopes"] == "gist"
    assert "x-oauth-client-id" not in headers


@pytest.mark.parametrize(
    ("kind", "prefix", "whose"),
    [
        ("fine_grained", "github_pat_", "personal access token"),
        ("app_user", "ghu_", "integration"),
    ],
)
def test_a_token_with_permissions_names_them_and_no_scopes(
    github: GitHubSimulator, kind: TokenKind, prefix: str, whose: str
) -> None:
    token = github.create_token("octocat", [], kind=kind)
    allowed = github.create_token("octocat", ["gist"], kind=kind)

    with api_client(github, token) as client:
        answer = client.post("/gists", json={"files": {"a": {"content": "x"}}})
    with api_client(github, allowed) as client:
        made = client.post("/gists", json={"files": {"a": {"content": "x"}}})

    assert token.startswith(prefix)
    assert answer.status_code == 403
    assert answer.json()["message"] == f"Resource not accessible by {whose}"
    assert made.status_code == 201
    assert not any("x-oauth-scopes" in each.headers for each in (answer, made))
    assert answer.headers["x-accepted-github-permissions"] == "gists=write"


def test_private_fields_need_the_user_scope(github: GitHubSimulator, octocat: httpx.Client) -> None:
    with api_client(github, github.create_token("octocat", ["user"])) as full:
        assert full.get("/user").json()["user_view_type"] == "private"

    assert octocat.get("/user").json()["user_view_type"] == "public"
    assert octocat.get("/user").json()["email"] is None


def test_a_bad_token_is_401(github: GitHubSimulator) -> None:
    with api_client(github, "gho_wrong") as client:
        answer = client.get("/user")

    assert answer.status_code == 401
    assert answer.json() == {
        "message": "Bad credentials",
        "documentation_url": "https://docs.github.com/rest",
        "status": "401",
    }


def test_no_token_where_one_is_needed_is_401(anonymous: httpx.Client) -> None:
    answer = anonymous.get("/user")

    assert answer.status_code == 401
    assert answer.json()["message"] == "Requires authentication"


def test_a_request_without_user_agent_is_forbidden(octocat: httpx.Client) -> None:
    answer = octocat.get("/user", headers={"user-agent": ""})

    assert answer.status_code == 403
    assert answer.text.startswith("Request forbidden by administrative rules")


def test_the_newer_version_has_its_own_shapes(octocat: httpx.Client) -> None:
    octocat.post("/gists", json={"files": {"a": {"content": "x"}}})
    newer = {"x-github-api-version": "2026-03-10"}

    listed = octocat.get("/gists", headers=newer)
    gist = octocat.get(f"/gists/{listed.json()[0]['id']}", headers=newer).json()

    assert listed.headers["x-github-api-version-selected"] == "2026-03-10"
    assert "user" not in listed.json()[0]
    assert not {"forks", "history"} & set(gist)
    assert "rate" not in octocat.get("/rate_limit", headers=newer).json()
    assert "rate" in octocat.get("/rate_limit").json()


def test_an_unknown_version_is_400(octocat: httpx.Client) -> None:
    answer = octocat.get("/user", headers={"x-github-api-version": "2001-01-01"})

    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/user/", "/gists/", "/no/such/thing"])
def test_unknown_addresses_are_404(octocat: httpx.Client, path: str) -> None:
    answer = octocat.get(path)

    assert answer.status_code == 404
    assert answer.json()["message"] == "Not Found"


def test_an_etag_saves_the_body_and_the_limit(octocat: httpx.Client) -> None:
    first = octocat.get("/user")

    again = octocat.get("/user", headers={"if-none-match": first.headers["etag"]})

    assert first.headers["etag"].startswith('W/"')
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]


def test_an_etag_is_good_for_one_token(github: GitHubSimulator, octocat: httpx.Client) -> None:
    etag = octocat.get("/user").headers["etag"]

    with api_client(github, github.create_token("octocat")) as other:
        assert other.get("/user", headers={"if-none-match": etag}).status_code == 200


def test_an_etag_changes_with_the_resource(octocat: httpx.Client) -> None:
    etag = octocat.get("/gists").headers["etag"]
    octocat.post("/gists", json={"files": {"a": {"content": "x"}}})

    assert octocat.get("/gists", headers={"if-none-match": etag}).status_code == 200


def test_if_modified_since_is_understood(octocat: httpx.Client) -> None:
    created = octocat.post("/gists", json={"files": {"a": {"content": "x"}}}).json()
    path = f"/gists/{created['id']}"
    modified = octocat.get(path).headers["last-modified"]

    assert octocat.get(path, headers={"if-modified-since": modified}).status_code == 304


def test_the_primary_limit_is_shared_by_all_tokens_of_a_user(
    github: GitHubSimulator, octocat: httpx.Client, hubot: httpx.Client
) -> None:
    github.set_remaining("octocat", 1)
    with api_client(github, github.create_token("octocat")) as other:
        assert other.get("/user").status_code == 200

    refused = octocat.get("/user")

    assert refused.status_code == 403
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.json()["message"].startswith("API rate limit exceeded for user ID 583231")
    assert octocat.get("/rate_limit").json()["resources"]["core"]["remaining"] == 0
    assert hubot.get("/user").status_code == 200


def test_the_primary_limit_ends_at_its_reset(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.set_remaining("octocat", 0)
    assert octocat.get("/user").status_code == 403

    github.set_clock_offset(3601)

    assert octocat.get("/user").headers["x-ratelimit-remaining"] == "4999"


def test_limits_can_be_off_as_on_an_enterprise_server(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.configure(rate_limits=False)

    assert "x-ratelimit-limit" not in octocat.get("/user").headers
    assert octocat.get("/rate_limit").status_code == 404


def test_many_bad_logins_lock_good_ones_out(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.configure(failed_login_limit=3)
    with api_client(github, "gho_wrong") as stranger:
        statuses = [stranger.get("/user").status_code for _ in range(4)]

    refused = octocat.get("/user")

    assert statuses == [401, 401, 401, 403]
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("Maximum number of login attempts exceeded")
    github.set_clock_offset(301)
    assert octocat.get("/user").status_code == 200


def test_a_secondary_limit_on_writes(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.configure(content_creations_per_minute=1)
    octocat.post("/gists", json={"files": {"a": {"content": "x"}}})

    refused = octocat.post("/gists", json={"files": {"a": {"content": "x"}}})

    assert refused.status_code == 403
    assert "secondary rate limit" in refused.json()["message"]
    assert refused.headers["x-ratelimit-remaining"] != "0"


def test_a_secondary_limit_on_writes_in_an_hour(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.configure(content_creations_per_hour=2, secondary_limit_status=429)
    body = {"files": {"a": {"content": "x"}}}
    statuses = []
    for seconds in (0, 1000, 2000, 3601):
        github.set_clock_offset(seconds)
        statuses.append(octocat.post("/gists", json=body).status_code)

    assert statuses == [201, 201, 429, 201]


def test_a_secondary_limit_on_points(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.configure(points_per_minute=12, secondary_retry_after_seconds=7)
    for _ in range(2):
        assert octocat.post("/gists", json={"files": {"a": {"content": "x"}}}).status_code == 201
    for _ in range(2):
        assert octocat.get("/gists").status_code == 200

    refused = octocat.get("/gists")

    assert (refused.status_code, refused.headers["retry-after"]) == (403, "7")
    github.set_clock_offset(60)
    assert octocat.get("/gists").status_code == 200


def test_a_secondary_limit_on_requests_at_once(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.configure(requests_at_once=1, answer_seconds=1.0)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: octocat.get("/gists"), range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 403]


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "If-Modified-Since"])
def test_a_write_cannot_be_conditional(
    github: GitHubSimulator, octocat: httpx.Client, header: str
) -> None:
    (gist,) = github.create_gists("octocat", {"a": "x"})

    refused = octocat.patch(
        f"/gists/{gist.gist_id}", json={"description": "new"}, headers={header: '"x"'}
    )

    assert refused.status_code == 400
    assert github.gists()[0].description is None


def test_the_date_header_follows_the_simulated_clock(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.set_clock_offset(400 * 86400)

    with api_client(github) as client:
        gist_time = github.create_gists("octocat", {"a": "x"})[0].created_at
        date = client.get("/versions").headers["date"]

    assert abs(gist_time - parsedate_to_datetime(date).timestamp()) < 60


def test_a_renamed_account_keeps_its_number_and_tokens(
    github: GitHubSimulator, octocat: httpx.Client
) -> None:
    github.change_user("octocat", login="mona")

    user = octocat.get("/user").json()

    assert (user["id"], user["login"]) == (583231, "mona")


def test_an_account_can_be_made_and_used(github: GitHubSimulator) -> None:
    made = github.create_user("newcomer")

    with api_client(github, github.create_token("newcomer")) as client:
        user = client.get("/user").json()
    assert (user["id"], user["login"]) == (made.user_id, "newcomer")


def test_no_two_accounts_have_one_login(github: GitHubSimulator) -> None:
    with pytest.raises(AssertionError, match="409"):
        github.create_user("OCTOCAT")


def test_only_loopback_names_are_served(github: GitHubSimulator) -> None:
    answer = httpx.get(f"{github.url}/versions", headers={"host": "rebound.example"})

    assert answer.status_code == 421


def test_versions_are_listed(anonymous: httpx.Client) -> None:
    assert anonymous.get("/versions").json() == ["2026-03-10", "2022-11-28"]
