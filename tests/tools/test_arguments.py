"""Arguments are checked before anything is sent, and the message names the argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.constants import MAX_GIST_CONTENT_BYTES
from gist_mcp.errors import InvalidArgument
from gist_mcp.tools.arguments import check_idempotency_key, checked_gist

GOOD = {"description": "d", "filename": "a.py", "content": "x"}


def check(**arguments: str) -> None:
    given_arguments = {**GOOD, **arguments}
    checked_gist(
        description=given_arguments["description"],
        public=True,
        files=[("filename", given_arguments["filename"], given_arguments["content"])],
    )


def test_a_plain_gist_passes() -> None:
    check()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", ""),
        ("content", "\x00"),
        ("content", "\ud800"),
        ("content", "x" * (MAX_GIST_CONTENT_BYTES + 1)),
        ("content", "é" * (MAX_GIST_CONTENT_BYTES // 2 + 1)),
        ("filename", ""),
        ("filename", "  "),
        ("filename", " a.py"),
        ("filename", "."),
        ("filename", ".."),
        ("filename", "a/b.py"),
        ("filename", "a\\b.py"),
        ("filename", "a\nb.py"),
        ("filename", "gistfile1.txt"),
        ("filename", "GistFile22"),
        ("filename", "x" * 256),
        ("description", "x" * 10_001),
        ("description", "\ud800"),
    ],
)
def test_what_github_would_refuse_is_refused_naming_the_field(field: str, value: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check(**{field: value})

    assert refusal.value.field == field


def test_a_repeated_file_name_is_refused() -> None:
    files = [("filename", "a", "1"), ("additional_files[0]", "a", "2")]

    with pytest.raises(InvalidArgument) as refusal:
        checked_gist(description="", public=True, files=files)

    assert refusal.value.field == "additional_files[0].filename"


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "\ud800"])
def test_a_bad_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidArgument):
        check_idempotency_key(key)


@pytest.mark.parametrize("key", [None, "x", "x" * 200])
def test_a_good_idempotency_key_passes(key: str | None) -> None:
    check_idempotency_key(key)


@given(st.text(), st.text(), st.text())
def test_any_text_passes_or_is_refused_by_name(description: str, name: str, content: str) -> None:
    try:
        gist = checked_gist(
            description=description, public=True, files=[("filename", name, content)]
        )
    except InvalidArgument as refusal:
        assert refusal.field in ("description", "filename", "content")
    else:
        assert gist.files == {name: content}


@given(st.text(min_size=1, max_size=50, alphabet=st.characters(codec="ascii", categories=["L"])))
def test_digests_tell_requests_apart(content: str) -> None:
    one = checked_gist(description="d", public=True, files=[("filename", "a", content)])
    other = checked_gist(description="d", public=True, files=[("filename", "a", content + "!")])

    assert one.digests()["files"] != other.digests()["files"]
    assert one.digests()["description"] == other.digests()["description"]
