"""The tools of a deployment whose GitHub is an Enterprise Server in private mode."""

from collections.abc import Iterator

import pytest

from tests.support.mcp_client import McpClient
from tests.support.world import World, world

pytestmark = pytest.mark.integration

GIST = {"description": "From a test", "filename": "hello.py", "content": "print('hello')\n"}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = {"GITHUB_RATE_LIMITS": "false"}
    with world(tmp_path_factory.mktemp("enterprise"), settings, product="ghes") as running:
        yield running


@pytest.fixture(scope="module")
def client(here: World) -> McpClient:
    return McpClient(here.server.mcp_url, here.sign_in().access_token).open()


def test_a_gist_is_made_listed_read_and_changed_by_its_url_on_that_server(
    here: World, client: McpClient
) -> None:
    made = client.call("create_gist", **GIST, public=False).wait().structured
    url = made["url"]

    listed = client.call("list_my_gists").wait().structured
    read = client.call("get_gist", gist_id=url).wait().structured
    edits = [{"old_text": "hello", "new_text": "goodbye"}]
    edited = client.call("edit_gist_file", gist_id=url, filename="hello.py", edits=edits).wait()

    (gist,) = here.github.gists()
    assert url == f"{here.github.url}/gist/octocat/{gist.gist_id}"
    assert [each["url"] for each in listed["gists"]] == [url]
    assert read["files"][0]["content"] == GIST["content"]
    assert not edited.is_error, edited.text
    assert gist.files == {"hello.py": "print('goodbye')\n"}


def test_a_gist_of_github_com_is_not_looked_for_there(client: McpClient) -> None:
    url = "https://gist.github.com/octocat/aa5a315d61ae9438b18d"

    refused = client.call("get_gist", gist_id=url).wait()

    assert refused.is_error
    assert "no URL of a gist" in refused.text


def test_the_sign_in_page_is_neither_shown_as_a_long_file_nor_edited_into_it(
    here: World, client: McpClient
) -> None:
    content = "first line\n" + "a" * 1_200_000
    (gist,) = here.github.create_gists("octocat", {"long.txt": content})

    read = client.call("get_gist", gist_id=gist.gist_id).wait().structured
    arguments = {"filename": "long.txt", "edits": [{"old_text": "first", "new_text": "1st"}]}
    edited = client.call("edit_gist_file", gist_id=gist.gist_id, **arguments).wait()

    (file,) = read["files"]
    assert not file.get("content")
    assert edited.is_error
    assert "does not give the whole content" in edited.text
    kept = next(each for each in here.github.gists() if each.gist_id == gist.gist_id)
    assert kept.files == {"long.txt": content}
