"""Lists: pages, links, `since`, visibility, and lists that lag behind."""

import re

import httpx
import pytest

from tests.github_simulator.signing_in import api_client
from tests.support.github_simulator import GitHubSimulator

FILES = {"a.txt": "x"}


def links(answer: httpx.Response) -> dict[str, str]:
    found = re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers.get("link", ""))
    return {name: url for url, name in found}


def test_one_page_has_no_links(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.create_gists("octocat", FILES, count=30)

    answer = octocat.get("/gists")

    assert len(answer.json()) == 30
    assert "link" not in answer.headers


def test_links_lead_through_all_pages(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.create_gists("octocat", FILES, count=7)

    pages = [octocat.get("/api/v3/gists", params={"per_page": 3})]
    while "next" in links(pages[-1]):
        pages.append(octocat.get(links(pages[-1])["next"]))

    assert [len(page.json()) for page in pages] == [3, 3, 1]
    assert len({gist["id"] for page in pages for gist in page.json()}) == 7
    assert set(links(pages[0])) == {"next", "last"}
    assert set(links(pages[1])) == {"first", "prev", "next", "last"}
    assert set(links(pages[2])) == {"first", "prev"}
    assert "/api/v3/gists?" in links(pages[0])["next"]


def test_a_page_holds_at_most_a_hundred(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.create_gists("octocat", FILES, count=101)

    assert len(octocat.get("/gists", params={"per_page": 500}).json()) == 100


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30])
def test_an_odd_page_number_counts_as_absent(
    github: GitHubSimulator, octocat: httpx.Client, page: str
) -> None:
    github.create_gists("octocat", FILES)

    assert len(octocat.get("/gists", params={"page": page}).json()) == 1


def test_the_newest_gist_comes_first(github: GitHubSimulator, octocat: httpx.Client) -> None:
    old = github.create_gists("octocat", FILES)[0]
    new = github.create_gists("octocat", FILES)[0]

    listed = [gist["id"] for gist in octocat.get("/gists").json()]

    assert listed == [new.gist_id, old.gist_id]


def test_since_means_updated_after(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.create_gists("octocat", FILES)
    github.set_clock_offset(1000)
    new = github.create_gists("octocat", FILES)[0]
    middle = octocat.get(f"/gists/{new.gist_id}").json()["updated_at"]

    assert len(octocat.get("/gists", params={"since": "2001-01-01T00:00:00Z"}).json()) == 2
    assert len(octocat.get("/gists", params={"since": "2001-01-01T00:00:00+00:00"}).json()) == 2
    assert octocat.get("/gists", params={"since": middle}).json() == []
    assert octocat.get("/gists", params={"since": "yesterday"}).status_code == 422


def test_a_list_holds_no_contents(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.create_gists("octocat", {"a.unknown": "x"})

    [entry] = octocat.get("/gists").json()[0]["files"].values()

    assert set(entry) == {"filename", "type", "language", "raw_url", "size"}
    assert entry["language"] is None


def test_only_public_gists_of_others_are_listed(
    github: GitHubSimulator, octocat: httpx.Client, anonymous: httpx.Client
) -> None:
    github.create_gists("octocat", FILES)
    public = github.create_gists("octocat", FILES, public=True)[0]

    for path in ("/gists", "/gists/public", "/users/octocat/gists"):
        assert [gist["id"] for gist in anonymous.get(path).json()] == [public.gist_id], path
    assert len(octocat.get("/gists").json()) == 2


def test_without_the_gist_scope_only_public_gists_are_listed(github: GitHubSimulator) -> None:
    github.create_gists("octocat", FILES)

    with api_client(github, github.create_token("octocat", [])) as client:
        assert client.get("/gists").json() == []


def test_a_list_can_lag_by_time(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.configure(list_lag_seconds=60)
    gist = octocat.post("/gists", json={"files": {"a": {"content": "x"}}}).json()

    assert octocat.get("/gists").json() == []
    assert octocat.get(f"/gists/{gist['id']}").status_code == 200
    github.set_clock_offset(61)
    assert len(octocat.get("/gists").json()) == 1


def test_a_list_can_lag_by_answers(github: GitHubSimulator, octocat: httpx.Client) -> None:
    github.configure(list_lag_listings=2)
    octocat.post("/gists", json={"files": {"a": {"content": "x"}}})

    assert [len(octocat.get("/gists").json()) for _ in range(4)] == [0, 0, 1, 1]
