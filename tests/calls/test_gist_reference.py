"""Which gist is meant by what people paste."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.calls.gist_reference import GistReference, gist_hosts, gist_reference
from gist_mcp.errors import InvalidArgument

GIST = "aa5a315d61ae9438b18d"
LONG = "6cad326836d38bd3a7ae40f0b6a5b1c2"
SHA = "57a7f021a713b1c5a6a199b54cc514735d2d462f"
HOSTS = gist_hosts("https://github.com", "https://api.github.com")


@pytest.mark.parametrize(
    "text",
    [
        GIST,
        f"  {GIST}\n",
        f"https://gist.github.com/{GIST}",
        f"https://gist.github.com/octocat/{GIST}",
        f"http://gist.github.com/octocat/{GIST}/",
        f"gist.github.com/octocat/{GIST}",
        f"https://GIST.github.com/octocat/{GIST}#file-notes-md-L3",
        f"https://gist.github.com/octocat/{GIST}?permalink_comment_id=1#gistcomment-1",
        f"https://gist.github.com/octocat/{GIST}/revisions",
        f"https://gist.github.com/octocat/{GIST}/edit",
        f"https://gist.github.com/{GIST}.git",
        f"https://gist.github.com/octocat/{GIST}.js",
        f"https://api.github.com/gists/{GIST}",
        f"https://api.github.com/gists/{GIST}/comments",
        f"https://gist.github.com/octocat/{GIST}/archive/{SHA}.zip",
    ],
)
def test_every_address_of_a_gist_names_it(text: str) -> None:
    assert gist_reference(text, HOSTS) == GistReference(gist_id=GIST)


@pytest.mark.parametrize("gist_id", [LONG, "1", "1234567", "c0ffee"])
def test_ids_have_many_forms(gist_id: str) -> None:
    assert gist_reference(gist_id, HOSTS).gist_id == gist_id


def test_an_owner_whose_name_looks_like_an_id_is_no_gist() -> None:
    text = f"https://gist.github.com/1234567/{GIST}"

    assert gist_reference(text, HOSTS).gist_id == GIST


@pytest.mark.parametrize("text", [f"https://gist.github.com/octocat/{LONG}/{SHA}"])
def test_an_address_of_a_revision_names_it(text: str) -> None:
    assert gist_reference(text, HOSTS) == GistReference(gist_id=LONG, revision=SHA)


@pytest.mark.parametrize(
    ("text", "filename"),
    [
        (f"https://gist.githubusercontent.com/octocat/{LONG}/raw/{SHA}/a%20b.md", "a b.md"),
        (f"https://gist.githubusercontent.com/octocat/{LONG}/raw/notes.md", "notes.md"),
        (f"https://gist.githubusercontent.com/octocat/{LONG}/raw", ""),
        (f"https://gist.github.com/octocat/{LONG}/raw/{SHA}/12345", "12345"),
    ],
)
def test_a_raw_address_names_the_file(text: str, filename: str) -> None:
    assert gist_reference(text, HOSTS) == GistReference(gist_id=LONG, filename=filename)


SERVER_HOSTS = gist_hosts("https://git.example.com", "https://git.example.com/api/v3")
TENANT_HOSTS = gist_hosts("https://octocorp.ghe.com", "https://api.octocorp.ghe.com")


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        (f"git.example.com/gist/{GIST}", SERVER_HOSTS),
        (f"git.example.com/gist/octocat/{GIST}", SERVER_HOSTS),
        (f"git.example.com/api/v3/gists/{GIST}/comments", SERVER_HOSTS),
        (f"gist.git.example.com/{GIST}", SERVER_HOSTS),
        (f"gist.git.example.com/octocat/{GIST}", SERVER_HOSTS),
        (f"gist.octocorp.ghe.com/octocat/{GIST}", TENANT_HOSTS),
        (f"api.octocorp.ghe.com/gists/{GIST}", TENANT_HOSTS),
    ],
)
def test_each_kind_of_github_has_its_gists_in_places_of_its_own(
    address: str, hosts: frozenset[str]
) -> None:
    assert gist_reference(f"https://{address}", hosts) == GistReference(gist_id=GIST)


def test_an_enterprise_servers_raw_address_names_the_file() -> None:
    text = f"https://git.example.com/gist/octocat/{LONG}/raw/{SHA}/a%20b.md"

    assert gist_reference(text, SERVER_HOSTS) == GistReference(gist_id=LONG, filename="a b.md")


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://github.com/octocat/hello-world/issues/123", HOSTS),
        ("https://git.example.com/octocat/hello-world/pull/123", SERVER_HOSTS),
        ("https://git.example.com/api/v3/repos/octocat/hello-world/issues/123", SERVER_HOSTS),
        (f"https://git.example.com/octocat/{GIST}", SERVER_HOSTS),
        (f"https://gist.github.com/{GIST}", SERVER_HOSTS),
        (f"https://gist.git.example.com/{GIST}", HOSTS),
    ],
)
def test_an_address_of_something_else_or_of_another_github_is_no_gist(
    text: str, hosts: frozenset[str]
) -> None:
    with pytest.raises(InvalidArgument):
        gist_reference(text, hosts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "nginx notes",
        "../user",
        f"{GIST}/../../user",
        "https://github.com/octocat/hello-world",
        f"https://gist.example.com/octocat/{GIST}",
        f"https://gist.github.com.example.com/{GIST}",
        f"https://gist.github.com@example.com/{GIST}",
        f"ftp://gist.github.com/{GIST}",
        "https://gist.github.com/octocat",
        "https://[::1/",
        "https://gist.github.com/" + "a" * 3_000,
        "a" * 65,
        "\uff41\uff42\uff43",
    ],
)
def test_what_names_no_gist_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        gist_reference(text, HOSTS)

    assert refused.value.field == "gist_id"


@given(
    st.text(max_size=200) | st.text(max_size=80).map(lambda rest: f"https://gist.github.com/{rest}")
)
def test_any_text_names_a_gist_or_is_refused(text: str) -> None:
    try:
        found = gist_reference(text, HOSTS)
    except InvalidArgument:
        return
    assert found.gist_id.isascii()
    assert found.gist_id.isalnum()
