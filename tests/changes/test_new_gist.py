"""Arguments are checked before anything is sent, and the message names the argument."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.changes.new_gist import check_idempotency_key, checked_gist
from gist_mcp.constants import MAX_GIST_CONTENT_BYTES
from gist_mcp.errors import InvalidArgument

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


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("x" * 201, "201 characters"),
        ("a\nb", "U+000A"),
        ("\x07", "U+0007"),
        ("\x00", "U+0000"),
        ("\x9f", "U+009F"),
        ("\ud800", "U+D800"),
    ],
)
def test_a_bad_idempotency_key_is_refused_naming_what_is_wrong(key: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(words)) as refusal:
        check_idempotency_key(key)

    assert refusal.value.field == "idempotency_key"


@pytest.mark.parametrize(
    "key",
    ["x", "x" * 200, "null", '{"a":1}', " ", "9.41.00\u202fAM", "👩\u200d💻" * 66, "क्\u200dष"],
)
def test_any_other_text_is_a_key(key: str) -> None:
    check_idempotency_key(key)


def test_no_key_is_an_empty_text() -> None:
    check_idempotency_key("")


@pytest.mark.parametrize(
    "content", [" ", "\n", "\t \r\n", "\u00a0", "\u202f\u3000", "\u2028\u2029", "\x85"]
)
def test_content_of_white_space_only_is_refused_naming_the_field(content: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^content: is white space only"):
        check(content=content)


@pytest.mark.parametrize("content", [" x", "\u200b", "\ufeff", "\x1c", "0"])
def test_content_that_is_more_than_white_space_passes(content: str) -> None:
    check(content=content)


def test_all_faults_of_a_gist_are_told_at_once() -> None:
    files = [("filename", "a/b", " "), ("additional_files[0]", "a", "")]

    with pytest.raises(InvalidArgument) as refusal:
        checked_gist(description="", public=True, files=files)

    fields = [line.partition(":")[0] for line in str(refusal.value).splitlines()]
    assert fields == ["filename", "content", "additional_files[0].content"]


def test_faults_of_the_other_arguments_are_told_at_once() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        checked_gist(
            description="x" * 10_001,
            public=True,
            files=[("filename", "a", "x")],
            idempotency_key="\n",
        )

    fields = [line.partition(":")[0] for line in str(refusal.value).splitlines()]
    assert fields == ["description", "idempotency_key"]


def test_too_many_faults_are_counted() -> None:
    files = [(f"additional_files[{number}]", "", "x") for number in range(300)]

    with pytest.raises(InvalidArgument) as refusal:
        checked_gist(description="", public=True, files=files)

    assert len(str(refusal.value)) < 2_000
    assert str(refusal.value).endswith("And 290 more faults.")


def test_the_size_is_counted_in_bytes_over_all_files_and_the_largest_is_named() -> None:
    files = [
        ("filename", "a", "x"),
        ("additional_files[0]", "b", "😀" * (MAX_GIST_CONTENT_BYTES // 4)),
    ]

    with pytest.raises(InvalidArgument, match="900,001 bytes") as refusal:
        checked_gist(description="", public=True, files=files)

    assert refusal.value.field == "additional_files[0].content"


def test_content_of_exactly_the_limit_passes() -> None:
    check(content="é" * (MAX_GIST_CONTENT_BYTES // 2))


def test_more_files_than_github_lists_are_refused() -> None:
    files = [(f"additional_files[{number}]", str(number), "x") for number in range(301)]

    with pytest.raises(InvalidArgument, match=r"^additional_files: a gist holds at most 300"):
        checked_gist(description="", public=True, files=files)


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
