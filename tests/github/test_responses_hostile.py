"""Whatever GitHub sends, broken or hostile, the result is a model or one of our errors."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.errors import (
    GistMcpError,
    OutcomeUnknown,
)
from gist_mcp.github import responses
from gist_mcp.github.answer import Answer, Call
from gist_mcp.github.client import NOTHING_CHANGED
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
    problem,
)

READERS = (
    responses.read_user,
    responses.read_user_unless_same,
    responses.read_token_check,
    responses.read_gist,
    responses.read_gist_page,
    responses.read_is_starred,
    responses.read_raw,
    responses.read_nothing,
)
HEADERS = (
    "x-oauth-scopes",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "retry-after",
    "date",
    "link",
    "etag",
    "x-oauth-client-id",
)
header_values = st.one_of(
    st.text(max_size=40),
    st.integers().map(str),
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
twisted_models = st.one_of(
    st.dictionaries(st.sampled_from(sorted({*USER, *GIST, "app", "user"})), json_values),
    st.builds(
        lambda model, twist: {**model, **twist},
        st.sampled_from([USER, GIST]),
        st.dictionaries(st.sampled_from(sorted({*USER, *GIST})), json_values, max_size=2),
    ),
    st.fixed_dictionaries({"message": json_values, "errors": json_values}),
    json_values,
)
bodies = st.one_of(
    st.binary(max_size=200),
    twisted_models.map(lambda value: json.dumps(value).encode()),
    st.text(max_size=50).map(
        lambda text: json.dumps(problem(text + TOKEN, {"message": TOKEN, "field": TOKEN})).encode()
    ),
)


@given(
    st.integers(100, 599),
    st.dictionaries(st.sampled_from(HEADERS), header_values),
    bodies,
    st.sampled_from([READ, WRITE, FORK, APP, RAW]),
    st.sampled_from(READERS),
)
def test_whatever_comes_is_a_model_or_one_of_our_errors_without_the_token(
    status: int, headers: dict[str, str], body: bytes, call: Call, read: object
) -> None:
    given_answer = Answer(status=status, headers=headers, body=body)
    try:
        responses.interpret(call, given_answer, read, now=NOW, secrets=[TOKEN])  # type: ignore[arg-type]
    except GistMcpError as error:
        assert TOKEN not in str(error) + error.log_reason
        if isinstance(error, OutcomeUnknown):
            assert call.writes
        else:
            assert isinstance(error, NOTHING_CHANGED)
            # After a write that may have happened nothing else is allowed.
            assert not call.writes or (400 <= status < 500 and status != 408)
