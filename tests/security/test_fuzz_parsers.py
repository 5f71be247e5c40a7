"""Whatever comes in, a parser of ours answers or refuses; it never fails in another way."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from gist_mcp.errors import OAuthError, SignInRequired
from gist_mcp.github.redaction import redact
from gist_mcp.http.limits import client_address
from gist_mcp.mcp_http.json_rpc import InvalidMessage, parse_message
from gist_mcp.oauth import pkce
from gist_mcp.oauth.answers import prefers_html
from gist_mcp.oauth.parameters import parse_parameters
from gist_mcp.sessions.hop import open_hop
from gist_mcp.sessions.ownership import parse_session_id
from gist_mcp.tokens.access_token import open_access_token
from gist_mcp.tokens.sealing import SealBroken, Sealer

SEALER = Sealer(["k" * 40])
LATIN = st.text(st.characters(max_codepoint=255))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.binary(max_size=4096))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    with suppress(InvalidMessage):
        parse_message(body)


@given(
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0")},
        optional={"id": JSON, "method": JSON, "params": JSON, "result": JSON, "error": JSON},
    )
)
def test_anything_like_a_message_is_one_or_refused(message: dict[str, object]) -> None:
    with suppress(InvalidMessage):
        parsed = parse_message(json.dumps(message).encode())
        assert parsed.tool_name is None or isinstance(parsed.tool_name, str)


@given(LATIN)
def test_any_text_as_a_hop_is_refused(header: str) -> None:
    assert open_hop(SEALER, header, now_seconds=0) is None


@given(st.text())
def test_any_text_as_a_sealed_token_is_refused(text: str) -> None:
    for bearer in (text, f"ggm_at_{text}"):
        with suppress(SignInRequired):
            open_access_token(SEALER, bearer, resource="http://x/mcp", now=0)
            raise AssertionError("opened")


@given(st.text(), st.binary())
def test_only_what_was_sealed_opens(text: str, payload: bytes) -> None:
    sealed = SEALER.seal("purpose", payload)

    assert SEALER.open("purpose", sealed) == payload
    for other in (text, sealed + text, text + sealed):
        if other != sealed:
            with suppress(SealBroken):
                SEALER.open("purpose", other)
                raise AssertionError("opened")


@given(st.binary(max_size=2048))
def test_any_form_is_parameters_or_refused(encoded: bytes) -> None:
    with suppress(OAuthError):
        parse_parameters(encoded, ("code", "state"))


@given(LATIN)
def test_any_session_id_is_ours_or_none(text: str) -> None:
    parsed = parse_session_id(text)

    assert parsed is None or len(parsed) == 48


@given(LATIN)
def test_any_accept_header_has_an_answer(accept: str) -> None:
    assert prefers_html(accept) in (True, False)


@given(st.text(), st.text())
def test_any_verifier_has_an_answer(verifier: str, challenge: str) -> None:
    assert pkce.verify_s256(verifier, challenge) in (True, False)


@given(st.text(), st.text(min_size=8, alphabet=st.characters(min_codepoint=97, max_codepoint=122)))
def test_a_secret_never_survives_redaction(text: str, secret: str) -> None:
    assert secret not in redact(f"{text}{secret}{text}", secrets=[secret], max_characters=10_000)


@given(st.lists(LATIN), st.integers(min_value=0, max_value=4))
def test_any_forwarded_for_is_an_address_or_none(values: list[str], proxies: int) -> None:
    raw = [(b"x-forwarded-for", value.encode("latin-1")) for value in values]

    address = client_address(Headers(raw=raw), proxies)

    assert len(address) <= 45
    assert proxies or not address
