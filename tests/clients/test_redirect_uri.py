"""Where answers may go: the rules, and what strangers try against them."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.clients.redirect_uri import (
    destination,
    form_action_source,
    is_acceptable,
    is_app_scheme,
    is_loopback,
    matches,
)
from gist_mcp.origin import LOOPBACK_HOSTS


@pytest.mark.parametrize(
    "uri",
    [
        "https://vscode.dev/redirect",
        "https://app.example:8443/cb?tenant=1",
        "http://localhost:3118/callback",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
        "http://127.0.0.1",
        "http://[::1]:6276/oauth/callback",
        "HTTP://LOCALHOST:1/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "vscode://vscode.github-authentication/did-authenticate",
        "com.example.app:/oauth2redirect",
        "com.example.app://callback",
        "workbuddy://callback",
        "myapp:/cb",
        "MyApp://callback",
        "vscode-insiders://ms.mcp/cb?tenant=1",
        "my-app2://callback:81/x",
    ],
)
def test_what_clients_register_is_accepted(uri: str) -> None:
    assert is_acceptable(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://a.example;frame-ancestors/cb",
        "https://a.example,script-src/cb",
        "https://a.example'/cb",
        "https://*/cb",
        "https://a.example%2f@evil.example/cb",
        "https://[::1;x]/cb",
        "cursor://a;b/cb",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "blob:https://a.example/x",
        "about:blank",
        "view-source:https://a.example",
        "ftp://a.example/",
        "ws://localhost/",
        "http://a.example/cb",
        "http://localhost.evil.example/cb",
        "http://127.0.0.1.nip.io/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://2130706433/",
        "https://a.example/#fragment",
        "https://a.example/#",
        "https://user@a.example/",
        "https://localhost:80@evil.example/",
        "http://localhost\\@evil.example/",
        "https://",
        "https:///path",
        "https://a.example:99999/",
        "https://a.example:x/",
        "https://[::1/",
        "//a.example/",
        "/callback",
        "callback",
        "",
        "com.example.app:",
        "com.example.app:cb",
        "myapp:",
        "myapp:/",
        "myapp://",
        "myapp:///",
        "myapp:cb",
        "myapp:?x",
        "myapp:\\\\callback",
        "myapp://callback#x",
        "myapp://user@callback",
        "myapp://callback?code=1",
        "myapp://a.example;script-src/cb",
        "my_app://callback",
        "my%61pp://callback",
        "7zip://callback",
        "-app://callback",
        "m:/callback",
        "c:/windows/system32",
        "a" * 81 + "://callback",
        "localhost:8080/callback",
        "localhost://callback",
        "a.example:8080/callback",
        "://callback",
        ":/callback",
        " javascript:alert(1)",
        "\tjavascript:alert(1)",
        "\x00javascript:alert(1)",
        "\x01javascript://%0aalert(1)",
        "java\tscript:alert(1)",
        "java\rscript:alert(1)",
        "javascript\t:alert(1)",
        "javascript :alert(1)",
        "JAVASCRIPT://%0Aalert(1)",
        "jAvAsCrIpT:/a.example/%0aalert(1)",
        "javascript://localhost/%0aalert(1)",
        "javascript%3Aalert(1)",
        "javascript&colon;alert(1)",
        "javascript&#58;alert(1)",
        "javascript\uff1aalert(1)",
        "j\u0430vascript://cb",
        "view-source:javascript:alert(1)",
        "view-source:https://a.example/",
        "VIEW-SOURCE:/x",
        "data:/text/html,<script>",
        "data:/text/html;base64,AA==",
        "blob:/https://a.example/",
        "filesystem:/https://a.example/temporary/",
        "jar:/https://a.example!/x",
        "file:/etc/passwd",
        "file://a.example/share",
        "intent://a.example/#Intent;scheme=https;end",
        "intent://a.example/x",
        "urn:ietf:wg:oauth:2.0:oob",
        "urn:/ietf",
        "web+app://callback",
        "git+https://a.example/",
        "https://a.example/ b",
        "https://a.example/\x00",
        "https://a.example/é",
        "https://a.example/" + "a" * 512,
    ],
)
def test_what_could_hurt_is_refused(uri: str) -> None:
    assert not is_acceptable(uri)


@given(st.text(max_size=80) | st.from_regex(r"[a-zA-Z:/@#?\\.\[\]0-9-]{0,60}"))
def test_any_text_is_decided_and_what_is_accepted_is_safe(uri: str) -> None:
    if not is_acceptable(uri):
        return

    parts = urlsplit(uri)
    assert uri.isascii()
    assert uri.isprintable()
    assert "#" not in uri
    assert "@" not in parts.netloc
    if parts.scheme == "http":
        assert parts.hostname in LOOPBACK_HOSTS
    elif parts.scheme != "https":
        assert is_app_scheme(parts.scheme)


@pytest.mark.parametrize(
    ("registered", "given", "fits"),
    [
        ("https://a.example/cb", "https://a.example/cb", True),
        ("https://a.example/cb", "https://a.example/cb/", False),
        ("https://a.example/cb", "https://a.example:443/cb", False),
        ("https://a.example/cb", "https://A.example/cb", False),
        ("https://a.example/cb", "https://a.example/cb?x=1", False),
        ("http://127.0.0.1/", "http://127.0.0.1:33418/", True),
        ("http://127.0.0.1/", "http://127.0.0.1:33418", True),
        ("http://127.0.0.1:33418/", "http://127.0.0.1:1/", True),
        ("http://[::1]/cb", "http://[::1]:9/cb", True),
        ("http://localhost/cb", "http://localhost:9/cb?x=1", False),
        ("http://localhost/cb", "http://127.0.0.1/cb", False),
        ("http://localhost/cb", "http://localhost:9/other", False),
        ("http://localhost/cb", "https://localhost:9/cb", False),
        ("http://localhost/cb", "http://localhost:9@evil.example/cb", False),
        ("com.example.app:/cb", "com.example.app:/cb", True),
        ("com.example.app:/cb", "com.example.app:/cb2", False),
    ],
)
def test_matching_is_exact_but_for_loopback_ports(registered: str, given: str, fits: bool) -> None:
    assert matches(registered, given) is fits


@given(st.integers(1, 65535), st.integers(1, 65535))
def test_any_two_loopback_ports_match(one: int, other: int) -> None:
    assert matches(f"http://127.0.0.1:{one}/cb", f"http://127.0.0.1:{other}/cb")
    assert is_loopback(f"http://127.0.0.1:{other}/cb")


@pytest.mark.parametrize(
    ("uri", "told", "source"),
    [
        ("https://a.example:8443/cb", "a.example:8443", "https://a.example:8443"),
        ("http://127.0.0.1:5/cb", "this computer", "http://127.0.0.1:5"),
        ("cursor://x/y", "the app behind cursor://", "cursor:"),
        ("WorkBuddy://Callback", "the app behind workbuddy://", "workbuddy:"),
        ("com.example.app:/cb", "the app behind com.example.app://", "com.example.app:"),
        ("a" * 80 + ":/cb", f"the app behind {'a' * 80}://", "a" * 80 + ":"),
    ],
)
def test_people_and_browsers_are_told_where_it_goes(uri: str, told: str, source: str) -> None:
    assert destination(uri) == told
    assert form_action_source(uri) == source


# A scheme, or a scheme and a host with its port (CSP 3, 2.3.1): nothing ends the source or rule.
SOURCE = re.compile(
    r"[a-z][a-z0-9.-]*:\Z|https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?\Z", re.IGNORECASE
)


@given(
    st.from_regex(r"[a-zA-Z][a-zA-Z0-9+.;,' -]{0,9}:/{0,3}[a-z0-9;,'*: .\n-]{0,20}", fullmatch=True)
)
def test_no_redirect_uri_bends_the_policy_of_a_page(uri: str) -> None:
    if is_acceptable(uri):
        assert SOURCE.match(form_action_source(uri))
