"""A bad setting stops the start with one line that names it; nothing falls back silently."""

import asyncio
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gist_mcp.config import Config
from gist_mcp.config_source import (
    is_production,
    is_public_development,
    load_config,
    parse_config,
)
from gist_mcp.errors import ConfigError

KEY = "k" * 40
OLD_KEY = "o" * 40
REPOSITORY = Path(__file__).parent.parent
APP = {"GITHUB_CLIENT_ID": "id", "GITHUB_CLIENT_SECRET": "a-client-secret", "TOKEN_KEYS": KEY}
PRODUCTION = {**APP, "PUBLIC_URL": "https://gists.example.com"}


def parse(environ: dict[str, str], *, production: bool = False) -> Config:
    return parse_config(environ, production=production)


@pytest.mark.parametrize(
    ("environ", "production", "is_closed"),
    [
        (APP, False, True),
        ({**APP, "PUBLIC_URL": "http://192.0.2.1:9991", "DEV_PUBLIC": "1"}, False, False),
        (PRODUCTION, True, False),
        ({**PRODUCTION, "THIS_MACHINE_ONLY": "true"}, True, True),
        # On loopback, a proxy in front may still be another machine's.
        (APP, True, False),
    ],
)
def test_other_machines_connect_where_that_is_meant(
    environ: dict[str, str], production: bool, is_closed: bool
) -> None:
    assert parse(environ, production=production).is_for_this_machine_only is is_closed


def test_the_defaults_are_those_of_the_contract() -> None:
    config = parse(APP)

    assert config.port == 9991
    assert config.public_url == "http://localhost:9991"
    assert config.resource == "http://localhost:9991/mcp"
    assert config.github_web_url == "https://github.com"
    assert config.github_api_url == "https://api.github.com"
    assert config.github_scopes == ("gist", "read:user")
    assert config.github_tokens == "app"
    assert config.token_revalidate_seconds == 60
    assert config.resume_wait_seconds == 600
    assert config.allowed_origins == ()
    assert config.public_gists == "allow"
    assert config.read_only is False
    assert config.this_machine_only is False


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PUBLIC_URL", "localhost:9991"),
        ("PUBLIC_URL", "ftp://x"),
        ("PUBLIC_URL", "http://"),
        ("PUBLIC_URL", "http://[bad"),
        ("PUBLIC_URL", "http://x:port"),
        ("PUBLIC_URL", "http://user:pw@x"),
        ("PUBLIC_URL", "http://x?y"),
        ("PUBLIC_URL", "https://h?"),
        ("PUBLIC_URL", "https://h#"),
        ("PUBLIC_URL", "https://h/path"),
        ("PUBLIC_URL", "https://h//"),
        ("PUBLIC_URL", "https://@h"),
        ("PUBLIC_URL", "https://h:"),
        ("PUBLIC_URL", "https://h:08443"),
        ("PUBLIC_URL", "https://h:65536"),
        ("PUBLIC_URL", "https://h."),
        ("PUBLIC_URL", "https://a..b"),
        ("PUBLIC_URL", "https://-h"),
        ("PUBLIC_URL", "https://h h"),
        ("PUBLIC_URL", " https://h"),
        ("PUBLIC_URL", 'https://h"'),
        ("PUBLIC_URL", "https://h'"),
        ("PUBLIC_URL", "https://h;x"),
        ("PUBLIC_URL", "https://h\\x"),
        ("PUBLIC_URL", "https://h\n"),
        ("PUBLIC_URL", "https://ht\tml"),
        ("PUBLIC_URL", "https://b\u00fccher.example"),
        ("PUBLIC_URL", "http://127.1:9991"),
        ("PUBLIC_URL", "http://0x7f.0.0.1"),
        ("PUBLIC_URL", "http://[0:0:0:0:0:0:0:1]"),
        ("PUBLIC_URL", "https:h"),
        ("GITHUB_WEB_URL", "HTTPS://github.example.com"),
        ("GITHUB_API_URL", "https://github.example.com/api v3"),
        ("GITHUB_API_URL", "https://github.example.com/api/../v3"),
        ("GITHUB_API_URL", "https://github.example.com/api/v3?x"),
        ("ALLOWED_ORIGINS", "HTTPS://a.example"),
        ("ALLOWED_ORIGINS", "https://a.example:443"),
        ("GITHUB_WEB_URL", "github.com"),
        ("GITHUB_API_URL", "nonsense"),
        ("GITHUB_TOKENS", "some"),
        ("GITHUB_SCOPES", " "),
        ("TOKEN_KEYS", "short"),
        ("TOKEN_KEYS", f"{KEY},short"),
        ("RETIRED_TOKEN_KEYS", "short"),
        ("RETIRED_TOKEN_KEYS", KEY),
        ("TOKEN_REVALIDATE_SECONDS", "-1"),
        ("TOKEN_REVALIDATE_SECONDS", "soon"),
        ("RESUME_WAIT_SECONDS", "1.5h"),
        ("ALLOWED_ORIGINS", "https://a.example/path"),
        ("ALLOWED_ORIGINS", "a.example"),
        ("MAX_BODY_BYTES", "10"),
        ("PUBLIC_GISTS", "sometimes"),
        ("PUBLIC_GISTS", "Never"),
        ("READ_ONLY", "perhaps"),
        ("EXTRA_HOSTS", "https://gists.example.net"),
        ("EXTRA_HOSTS", "Gists.example.net"),
        ("EXTRA_HOSTS", "gists.example.net/path"),
        ("EXTRA_HOSTS", "gists.example.net:80"),
        ("EXTRA_HOSTS", "gists.example.net."),
        ("EXTRA_HOSTS", "user@gists.example.net"),
        ("EXTRA_HOSTS", "*.example.net"),
        ("EXTRA_HOSTS", "127.1"),
        ("EXTRA_HOSTS", "localhost:9991"),
        ("DEV_PUBLIC", "perhaps"),
        ("DEV_PUBLIC", "2"),
        ("DEV_PUBLIC", " 1"),
    ],
)
def test_a_malformed_value_is_refused_by_name(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse({**APP, variable: value})

    assert refusal.value.variable == variable
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("HTTPS://gists.example.com", "https://gists.example.com"),
        ("https://Gists.Example.com", "https://gists.example.com"),
        ("https://gists.example.com:443", "https://gists.example.com"),
        ("http://localhost:80/", "http://localhost"),
        ("https://user:pass@gists.example.com/mcp?x#y", "https://gists.example.com"),
        ("https://gists.example.com:8443/mcp", "https://gists.example.com:8443"),
        ("gists.example.com", "https://gists.example.com"),
    ],
)
def test_who_spells_the_public_url_wrongly_is_told_how(value: str, right: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse({**APP, "PUBLIC_URL": value})

    assert str(refusal.value).startswith("PUBLIC_URL: ")
    assert str(refusal.value).endswith(f": {right}")
    assert "pass@" not in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    [
        "https://gists.example.com",
        "https://gists.example.com:8443",
        "https://xn--bcher-kva.example",
        "http://my_host:9991",
        "http://127.0.0.1:9991",
        "http://[::1]:9991",
        "http://h:443",
    ],
)
def test_an_origin_is_a_public_url(value: str) -> None:
    config = parse({**APP, "PUBLIC_URL": value, "DEV_PUBLIC": "1"})

    assert config.public_url == value
    assert config.is_secure is value.startswith("https")


@pytest.mark.parametrize(
    ("web_url", "api_url"),
    [
        ("", "https://api.github.com"),
        ("https://github.com/", "https://api.github.com"),
        ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        ("https://github.example.com", "https://github.example.com/api/v3"),
        ("https://github.example.com:8443/", "https://github.example.com:8443/api/v3"),
    ],
)
def test_the_api_is_that_of_the_github_whose_pages_are_named(web_url: str, api_url: str) -> None:
    derived = parse({**APP, "GITHUB_WEB_URL": web_url})
    named = parse({**APP, "GITHUB_WEB_URL": web_url, "GITHUB_API_URL": api_url + "/"})

    assert derived.github_api_url == named.github_api_url == api_url


@pytest.mark.parametrize(
    ("web_url", "api_url"),
    [
        ("https://github.example.com", "https://api.internal.example.com/v3"),
        ("https://github.com", "http://127.0.0.1:8080"),
    ],
)
def test_an_api_may_be_reached_by_a_way_of_the_operators_own(web_url: str, api_url: str) -> None:
    config = parse({**APP, "GITHUB_WEB_URL": web_url, "GITHUB_API_URL": api_url})

    assert config.github_api_url == api_url


SERVER = "https://github.example.com"


@pytest.mark.parametrize(
    ("web_url", "api_url", "variable", "right"),
    [
        (SERVER, "https://api.github.com", "GITHUB_API_URL", f"{SERVER}/api/v3"),
        (SERVER, SERVER, "GITHUB_API_URL", f"{SERVER}/api/v3"),
        (SERVER, "https://api.octocorp.ghe.com", "GITHUB_API_URL", f"{SERVER}/api/v3"),
        ("", f"{SERVER}/api/v3", "GITHUB_API_URL", "https://api.github.com"),
        ("", "https://github.com/api/v3", "GITHUB_API_URL", "https://api.github.com"),
        (
            "https://octocorp.ghe.com",
            "https://octocorp.ghe.com/api/v3",
            "GITHUB_API_URL",
            "https://api.octocorp.ghe.com",
        ),
        (
            "https://octocorp.ghe.com",
            "https://api.hexacorp.ghe.com",
            "GITHUB_API_URL",
            "https://api.octocorp.ghe.com",
        ),
        (f"{SERVER}/api/v3", "", "GITHUB_WEB_URL", SERVER),
        ("https://gist.github.com", "", "GITHUB_WEB_URL", "https://github.com"),
        ("https://api.octocorp.ghe.com", "", "GITHUB_WEB_URL", "https://octocorp.ghe.com"),
        ("https://ghe.com", "", "GITHUB_WEB_URL", "https://SUBDOMAIN.ghe.com"),
    ],
)
def test_addresses_that_are_not_of_one_github_are_refused_with_the_right_one(
    web_url: str, api_url: str, variable: str, right: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse({**APP, "GITHUB_WEB_URL": web_url, "GITHUB_API_URL": api_url})

    assert refusal.value.variable == variable
    assert f"{right};" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_origin_is_what_browsers_send() -> None:
    config = parse({**APP, "ALLOWED_ORIGINS": "https://a.example/, http://localhost:6274"})

    assert config.allowed_origins == ("https://a.example", "http://localhost:6274")


@pytest.mark.parametrize("only", ["GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"])
@pytest.mark.parametrize("production", [True, False])
def test_half_an_oauth_app_is_refused(only: str, production: bool) -> None:
    environ = {"TOKEN_KEYS": KEY, only: "x"}

    with pytest.raises(ConfigError):
        parse(environ, production=production)


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"GITHUB_CLIENT_ID": "", "GITHUB_CLIENT_SECRET": ""}, "GITHUB_CLIENT_ID"),
        ({"GITHUB_CLIENT_ID": ""}, "GITHUB_CLIENT_ID"),
        ({"GITHUB_CLIENT_SECRET": ""}, "GITHUB_CLIENT_SECRET"),
        ({"TOKEN_KEYS": ""}, "TOKEN_KEYS"),
        ({"PUBLIC_URL": "http://gists.example.com"}, "PUBLIC_URL"),
        ({"GITHUB_WEB_URL": "http://github.example.com"}, "GITHUB_WEB_URL"),
        ({"GITHUB_WEB_URL": "http://localhost:9992"}, "GITHUB_WEB_URL"),
        ({"GITHUB_WEB_URL": "https://[::1]:9992"}, "GITHUB_WEB_URL"),
        ({"GITHUB_SIMULATOR_PORT": "9992"}, "GITHUB_SIMULATOR_PORT"),
        ({"GITHUB_CLIENT_ID": "simulated-oauth-app"}, "GITHUB_CLIENT_ID"),
    ],
)
def test_production_refuses_what_development_forgives_and_names_the_page(
    changes: dict[str, str], variable: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse({**PRODUCTION, **changes}, production=True)

    assert refusal.value.variable == variable
    assert "\n" not in str(refusal.value)
    _, _, page = str(refusal.value).rpartition("; see ")
    assert_has_section(page)


def assert_has_section(link: str) -> None:
    """The page is there, and has a heading of which GitHub makes that anchor."""
    page, _, anchor = link.partition("#")
    headings = re.findall(r"^#+ (.+)$", (REPOSITORY / page).read_text(), re.MULTILINE)
    assert anchor in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]


def test_further_hosts_have_the_scheme_of_the_public_url() -> None:
    hosts = "gists.example.net, gists.internal:8443"

    config = parse({**PRODUCTION, "EXTRA_HOSTS": hosts}, production=True)

    assert config.own_origins.all == {
        "https://gists.example.com",
        "https://gists.example.net",
        "https://gists.internal:8443",
    }
    with pytest.raises(ConfigError, match="EXTRA_HOSTS") as refusal:
        parse({**APP, "EXTRA_HOSTS": hosts}, production=True)
    assert "https" in str(refusal.value)


def test_development_with_a_host_that_others_can_reach_has_to_be_meant() -> None:
    environ = {**APP, "EXTRA_HOSTS": "gists.example.net"}

    with pytest.raises(ConfigError, match="EXTRA_HOSTS") as refusal:
        parse(environ)
    assert "DEV_PUBLIC=1" in str(refusal.value)
    meant = {**environ, "DEV_PUBLIC": "1"}
    assert parse(meant).is_public_development
    assert is_public_development(meant)


def test_production_takes_http_on_loopback() -> None:
    assert parse(APP, production=True).production


def test_production_that_only_its_own_machine_reaches_may_have_a_github_there() -> None:
    simulator = {
        "GITHUB_CLIENT_ID": "simulated-oauth-app",
        "GITHUB_WEB_URL": "http://localhost:9992",
        "GITHUB_API_URL": "http://127.0.0.1:9992",
    }

    assert parse({**APP, **simulator}, production=True).production


OTHERS_CAN_REACH = ["https://gists.example.com", "http://192.168.0.7:9991", "http://127.0.0.2:9991"]


@pytest.mark.parametrize("value", OTHERS_CAN_REACH)
@pytest.mark.parametrize("meant", ["", "0", "false"])
def test_development_for_others_is_refused_unless_it_is_meant(value: str, meant: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse({**APP, "PUBLIC_URL": value, "DEV_PUBLIC": meant})

    assert refusal.value.variable == "PUBLIC_URL"
    assert "DEV_PUBLIC=1" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("value", OTHERS_CAN_REACH)
@pytest.mark.parametrize("meant", ["1", "true"])
def test_development_for_others_that_is_meant_is_told_from_ones_own(value: str, meant: str) -> None:
    environ = {**APP, "PUBLIC_URL": value, "DEV_PUBLIC": meant}

    assert parse(environ).is_public_development
    assert is_public_development(environ)


@pytest.mark.parametrize("value", ["", "http://localhost:1", "http://127.0.0.1", "http://[::1]:1"])
@pytest.mark.parametrize("meant", ["", "1"])
def test_on_this_machine_the_word_changes_nothing(value: str, meant: str) -> None:
    environ = {**APP, "PUBLIC_URL": value, "DEV_PUBLIC": meant}

    assert not parse(environ).is_public_development
    assert not is_public_development(environ)


@pytest.mark.parametrize("meant", ["", "1"])
def test_in_production_the_word_changes_nothing(meant: str) -> None:
    environ = {**PRODUCTION, "DEV_PUBLIC": meant}

    assert not parse(environ, production=True).is_public_development
    assert not is_public_development({**environ, "RBT_SERVE": "true"})


def test_a_start_that_is_refused_leaves_no_key(tmp_path: Path) -> None:
    state = tmp_path / ".rbt" / "dev" / "github-gist-mcp"
    environ = {"RBT_STATE_DIRECTORY": str(state), "PUBLIC_URL": "https://gists.example.com"}

    with pytest.raises(ConfigError):
        asyncio.run(load_config(environ))

    assert list(tmp_path.iterdir()) == []


def test_a_setting_that_is_empty_is_unset() -> None:
    assert parse({**APP, "PUBLIC_URL": ""}).public_url == "http://localhost:9991"


def test_trailing_slashes_do_not_double() -> None:
    config = parse({**PRODUCTION, "PUBLIC_URL": "https://x.example/"}, production=True)

    assert config.resource == "https://x.example/mcp"


def test_no_secret_shows_in_the_settings() -> None:
    config = parse({**APP, "RETIRED_TOKEN_KEYS": OLD_KEY})

    assert "a-client-secret" not in repr(config) + str(config)
    assert KEY not in repr(config) + str(config)
    assert OLD_KEY not in repr(config) + str(config)


@given(st.text(max_size=30))
def test_any_url_is_taken_or_refused_by_name(value: str) -> None:
    try:
        config = parse({**APP, "PUBLIC_URL": value, "DEV_PUBLIC": "1"})
    except ConfigError as refusal:
        assert refusal.variable == "PUBLIC_URL"
        assert "\n" not in str(refusal)
    else:
        assert config.public_url.startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"RBT_DEV": "true"}, False),
        ({"RBT_SERVE": "true"}, True),
        ({"REBOOT_CLOUD_VERSION": "v1"}, True),
        ({}, False),
    ],
)
def test_production_is_how_reboot_runs_us(environ: dict[str, str], expected: bool) -> None:
    assert is_production(environ) is expected


def test_development_makes_a_key_once_for_its_owner_only(tmp_path: Path) -> None:
    environ = {"RBT_STATE_DIRECTORY": str(tmp_path / ".rbt" / "dev" / "github-gist-mcp")}

    first = asyncio.run(load_config(environ))
    second = asyncio.run(load_config(environ))

    key_file = tmp_path / ".rbt" / "token_keys"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert first.token_keys == second.token_keys


def test_without_an_oauth_app_development_gets_the_simulator(tmp_path: Path) -> None:
    environ = {"RBT_STATE_DIRECTORY": str(tmp_path / ".rbt" / "dev" / "x"), "PORT": "5000"}

    config = asyncio.run(load_config(environ))

    assert config.simulated
    assert config.github_web_url == config.github_api_url == "http://localhost:5001"


def test_secrets_of_reboot_are_settings_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**PRODUCTION, "RETIRED_TOKEN_KEYS": f"{OLD_KEY},{'p' * 40}"}.items():
        monkeypatch.setenv(f"RBT_SECRET_{name}", value)
    environ = {"RBT_SERVE": "true", "PUBLIC_URL": PRODUCTION["PUBLIC_URL"]}

    config = asyncio.run(load_config(environ))

    assert config.github_client_secret.get_secret_value() == "a-client-secret"
    assert [key.get_secret_value() for key in config.retired_token_keys] == [OLD_KEY, "p" * 40]
    assert config.production


def test_a_port_that_rbt_does_not_serve_is_refused(tmp_path: Path) -> None:
    environ = {**APP, "PORT": "9991", "REBOOT_LOCAL_ENVOY_PORT": "9992"}

    with pytest.raises(ConfigError) as refusal:
        asyncio.run(load_config(environ))

    assert refusal.value.variable == "PORT"
