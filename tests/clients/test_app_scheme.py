"""Which schemes belong to apps, and which ones a browser or a system acts on itself."""

import pytest

from gist_mcp.clients.redirect_uri import MAX_SCHEME_CHARACTERS, is_app_scheme

DOES_SOMETHING = """
    about admin aim+x android-app android.resource app-settings applescript apt blob brave callto
    chrome chrome-extension chrome-search chrome-untrusted cid coap coap+tcp com.apple.news content
    data devtools dict did dns dweb edge edge-extension ext+app facetime feed file filesystem
    firefox firefox-focus ftp ftps geo git git+ssh googlechrome googlechromes gopher hcp help http
    http-app https https-app https.example.com imap intent ipfs irc ircs isolated-app itms
    itms-apps itms-appss itms-services itmss jar javascript javascripts jnlp jscript ldap ldaps
    livescript localhost macappstore magnet mailto market mhtml microsoft-edge
    microsoft-edge-https microsoft.windows.camera mid mocha moz-extension moz-icon ms-appinstaller
    ms-browser-extension ms-msdt ms-settings ms-word news nfs nntp opaquelocktoken opera
    opera-http package pkcs11 prefs rdp res resource rlogin rtsp safari-web-extension search
    search-ms sftp shell shortcuts sip smb sms smsto ssh steam+x tag tel telnet tftp touch-https
    urn vbscript view-source view-source+http vivaldi vnc web+app webcal webkit-extension ws wss
    wyciwyg x-apple-health x-apple.systempreferences x-help-action x-man-page x-safari-https xmpp
    z39.50r
"""


@pytest.mark.parametrize(
    "scheme",
    [
        "antigravity",
        "chatgpt",
        "cherrystudio",
        "claude",
        "code-oss",
        "codex",
        "continue",
        "cursor",
        "goose",
        "jetbrains",
        "kiro",
        "lmstudio",
        "raycast",
        "trae",
        "trae-cn",
        "vscode",
        "vscode-insiders",
        "vscodium",
        "warp",
        "windsurf",
        "windsurf-next",
        "workbuddy",
        "zed",
        "myapp",
        "msteams",
        "mozart",
        "webstorm",
        "datagrip",
        "file-manager",
        "com.example.app",
        "com.example.data",
        "msauth.com.example.app",
        "com.googleusercontent.apps.123456789012-0123456789abcdefghijklmnopqrstuv",
        "x" * MAX_SCHEME_CHARACTERS,
    ],
)
def test_a_scheme_of_an_app_is_taken(scheme: str) -> None:
    assert is_app_scheme(scheme)


@pytest.mark.parametrize(
    "scheme",
    DOES_SOMETHING.split(),
)
def test_a_scheme_that_does_something_by_itself_is_refused(scheme: str) -> None:
    assert not is_app_scheme(scheme)


@pytest.mark.parametrize(
    "scheme",
    [
        "",
        "a",
        "1password",
        "-app",
        ".app",
        "app.",
        "com..app",
        "my_app",
        "my app",
        "my\napp",
        "myapp\n",
        "my;app",
        "my'app",
        "my%61pp",
        "m\u00e4pp",
        "\u212airo",
        "x" * (MAX_SCHEME_CHARACTERS + 1),
        "com." + "x" * 400 + ".app",
    ],
)
def test_what_is_no_scheme_or_cannot_be_read_is_refused(scheme: str) -> None:
    assert not is_app_scheme(scheme)
