"""What completes a text that a person types."""

from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.github.models import Gist, GistFile
from gist_mcp.prompts.completion import filenames, gist_ids, matching, topics


def gist(gist_id: str, description: str | None, *names: str, language: str | None = None) -> Gist:
    files = tuple(
        GistFile(
            filename=name,
            size_bytes=1,
            language=language,
            type=None,
            raw_url=None,
            content=None,
            truncated=False,
            encoding="utf-8",
        )
        for name in names
    )
    return Gist(
        id=gist_id,
        html_url="",
        description=description,
        public=False,
        files=files,
        owner_id=None,
        owner_login=None,
        created_at=None,
        updated_at=None,
        truncated=False,
        comments=None,
    )


GISTS = (
    gist("a1", "Rules for #nginx and #tls", "nginx.conf", "notes.md", language="Nginx"),
    gist("b2", None, "Nginx-old.conf"),
    gist("aa3", "A poem #poems\u200b", "poem.txt"),
)


@given(st.lists(st.text("aAbß", max_size=5), max_size=20), st.text("aAbß", max_size=3))
def test_every_value_has_what_is_typed_and_comes_once(values: list[str], typed: str) -> None:
    found = matching(values, typed)

    assert len(found) == len(set(found))
    assert set(found) == {each for each in values if each and typed.casefold() in each.casefold()}
    begins = [each.casefold().startswith(typed.casefold()) for each in found]
    assert begins == sorted(begins, reverse=True)


def test_an_id_is_found_by_its_beginning_and_by_what_the_gist_is_about() -> None:
    assert gist_ids(GISTS, "a") == ["a1", "aa3"]
    assert gist_ids(GISTS, "NGINX") == ["a1", "b2"]
    assert gist_ids(GISTS, "nothing of this") == []


def test_file_names_are_those_of_the_chosen_gist() -> None:
    assert filenames(GISTS, "n", gist_id="a1") == ["nginx.conf", "notes.md"]
    assert filenames(GISTS, "n", gist_id="unknown") == []
    assert filenames(GISTS, "nginx") == ["nginx.conf", "Nginx-old.conf"]


def test_topics_are_tags_and_languages_without_hidden_characters() -> None:
    assert topics(GISTS, "#") == ["#nginx", "#tls", "#poems"]
    assert topics(GISTS, "ngi") == ["Nginx", "#nginx"]


def test_the_work_grows_with_the_number_of_values_and_not_with_its_square() -> None:
    hashed = 0

    class Counted(str):
        __slots__ = ()

        def __hash__(self) -> int:
            nonlocal hashed
            hashed += 1
            return super().__hash__()

    number = 300

    found = matching([Counted(f"file-{each}.md") for each in range(number)], "")

    assert len(found) == number
    assert hashed <= 5 * number
