"""What is found in a text that looks like a secret, and what is not."""

import base64
import json
import string
from concurrent.futures import ThreadPoolExecutor

import pytest
from detect_secrets.settings import get_settings, transient_settings
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.changes.secret_scan import (
    MAX_FINDINGS,
    WINDOW_CHARACTERS,
    Finding,
    found_secrets,
)


def json_web_token(payload: str) -> str:
    parts = (b'{"alg":"HS256"}', payload.encode(), b"0123456789")
    return ".".join(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in parts)


# Put together here, so that no scanner of repositories takes this file for a leak.
SECRETS = {
    **{f"gh{kind}_" + "a1" * 18: "GitHub Token" for kind in "pousr"},
    "github_pat_" + "a" * 22 + "_" + "b" * 59: "GitHub Token",
    "ggm_at_" + "Ab-_9" * 20: "Token of this server",
    "ggm_rt_" + "Ab-_9" * 20: "Token of this server",
    "ggm_secret_" + "Ab-_9" * 20: "Token of this server",
    "AKIA" + "ABCDEFGH12345678": "AWS Access Key",
    "aws_secret_access_key = '" + "a/B+" * 10 + "'": "AWS Access Key",
    "AIza" + "Sy" + "aB3-_" * 6 + "abc": "Google API Key",
    "GOCSPX-" + "aB3-_zZ" * 4: "Google API Key",
    "abc8Q~" + "aB3-_zZ" * 4 + "abcd": "Azure Client Secret",
    "AccountKey=" + "a" * 86 + "==": "Azure Storage Account access key",
    "-----BEGIN RSA " + "PRIVATE KEY-----": "Private Key",
    "-----BEGIN " + "PRIVATE KEY-----": "Private Key",
    "-----BEGIN ENCRYPTED " + "PRIVATE KEY-----": "Private Key",
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----": "Private Key",
    '{"type": "service_account", "private_key": "-----BEGIN ' + 'PRIVATE KEY-----\\nMII"}': (
        "Private Key"
    ),
    "AGE-SECRET-" + "KEY-1" + "A2" * 29: "Private Key",
    "xoxb-" + "123456789012-123456789012-" + "abcdef": "Slack Token",
    "https://hooks.slack.com" + "/services/T0AAA/B0BBB/" + "cccc": "Slack Token",
    "sk_live_" + "a1" * 12: "Stripe Access Key",
    "whsec_" + "a1" * 16: "Stripe Access Key",
    "sk-proj-" + "a" * 20 + "T3BlbkFJ" + "b" * 20: "OpenAI Token",
    "sk-ant-" + "api03-" + "a" * 90: "Anthropic API Key",
    "npm_" + "a1" * 18: "NPM Token",
    "//registry.npmjs" + ".org/:_authToken=" + "0a1b2c3d-" * 4: "NPM Token",
    "pypi-AgEIcHlwaS5vcmc" + "a" * 80: "PyPI Token",
    "glpat-" + "a1" * 10: "GitLab Token",
    "hf_" + "aB" * 17: "Hugging Face Token",
    "SG." + "a" * 22 + "." + "b" * 43: "SendGrid API Key",
    json_web_token('{"sub":"1"}'): "JSON Web Token",
    "postgres://admin:" + "k7Hq2v@db.example.com/x": "Basic Auth Credentials",
}

HARMLESS = (
    "def main() -> None:\n    print('hello')\n",
    "password = os.environ['DB_PASSWORD']\ntoken: str = read_token()\n",
    "api_key = 'YOUR_API_KEY'\nsecret: changeme\n",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709  empty.txt\n",
    "sha512-" + "aB3" * 28 + "==\n",
    "postgres://user:password@localhost/db postgres://postgres:postgres@db/x\n",
    "https://<user>:<password>@example.com https://user:${PASSWORD}@example.com\n",
    "-----BEGIN PUBLIC KEY-----\n-----BEGIN CERTIFICATE-----\n",
    "ghp_xxx ggm_client_0123456789abcdef0123456789 github_pat_ AKIA sk-... npm_config_prefix\n",
    "550e8400-e29b-41d4-a716-446655440000\n",
)

HOSTILE_CHARACTERS = 8 * WINDOW_CHARACTERS
"""On one line. What takes the square of it does not end in time."""

NESTED = json_web_token('{"a":' + "[" * 5_000 + "]" * 5_000 + "}")
HOSTILE = (
    "/",
    "eyJ",
    "eyJ.",
    "sk-",
    "//a/:_authToken=_",
    "://a:",
    "AKC ",
    "aws",
    "\n",
    " ",
    NESTED,
)


@pytest.mark.parametrize(("secret", "kind"), SECRETS.items(), ids=range(len(SECRETS)))
def test_a_secret_is_found_with_its_line_and_kind(secret: str, kind: str) -> None:
    found = found_secrets([("`a.txt`", f"one\ntwo = {secret}\nthree\n"), ("`b.txt`", "four")])

    assert Finding(place="`a.txt`", line=2, kind=kind) in found
    assert {each.line for each in found} == {2}
    assert secret not in repr(found)


@pytest.mark.parametrize("text", HARMLESS, ids=range(len(HARMLESS)))
def test_what_every_snippet_has_is_no_secret(text: str) -> None:
    assert found_secrets([("text", text)]) == ()


@given(
    st.integers(0, 3 * WINDOW_CHARACTERS),
    st.sampled_from(sorted(SECRETS)),
    st.sampled_from([" ", "x ", "\n"]),
)
def test_a_secret_is_found_wherever_it_stands(before: int, secret: str, filling: str) -> None:
    text = (filling * before)[:before] + " " + secret

    (line,) = {each.line for each in found_secrets([("text", text)])}

    assert line == 1 + text.count("\n")


@pytest.mark.parametrize("seed", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.timeout(60)
def test_a_text_that_is_made_to_cost_much_is_searched_all_the_same(seed: str) -> None:
    """Some patterns of the library would take days for one of these."""
    text = (seed * (HOSTILE_CHARACTERS // len(seed) + 1))[:HOSTILE_CHARACTERS]

    found = found_secrets([("text", f"{text} {'ghp_' + 'a' * 36}")])

    assert [each.kind for each in found] == ["GitHub Token"]


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=3))
def test_any_text_can_be_searched(texts: list[str]) -> None:
    found = found_secrets([("text", text) for text in texts])

    assert len(found) <= MAX_FINDINGS


@given(st.text(string.ascii_letters + string.digits + "_-.=/:@'\"+ \n", max_size=400))
def test_any_text_of_the_letters_of_secrets_can_be_searched(text: str) -> None:
    lines = text.count("\n") + 1

    assert all(1 <= each.line <= lines for each in found_secrets([("text", text)]))


def test_the_search_ends_at_a_number_of_secrets() -> None:
    text = "\n".join("ghp_" + "a" * 36 for _ in range(10_000))

    found = found_secrets([("first", text), ("second", text)])

    assert [(each.place, each.line) for each in found] == [
        ("first", number) for number in range(1, MAX_FINDINGS + 1)
    ]


def test_the_settings_of_the_library_neither_count_nor_change() -> None:
    """They are one for all threads of a process."""
    text = [("text", "ghp_" + "a" * 36)]
    with (
        transient_settings({"plugins_used": [], "filters_used": []}),
        ThreadPoolExecutor(4) as pool,
    ):
        before = json.dumps(get_settings().json())
        found = list(pool.map(found_secrets, [text] * 20))

        assert json.dumps(get_settings().json()) == before

    assert [len(each) for each in found] == [1] * 20
