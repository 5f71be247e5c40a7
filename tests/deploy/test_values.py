"""Compose and Kubernetes run the image with the same values, which are those of the image."""

import re
from pathlib import Path

from gist_mcp.config import Config
from gist_mcp.version import VERSION
from scripts.process_tree import GRACEFUL_SECONDS, KILL_SECONDS, TERMINATE_SECONDS
from tests.container.dockerfile import read_image
from tests.deploy.values import COMPOSE, of_compose, of_kubernetes, read
from tests.support.deployment import REPOSITORY

EXAMPLE = REPOSITORY / "deploy" / "example.env"
CADDYFILE = Path("deploy/caddy/Caddyfile")


def test_compose_and_kubernetes_have_the_same_values() -> None:
    assert of_compose() == of_kubernetes()


def test_they_run_this_version_as_the_user_of_the_image() -> None:
    values = of_compose()

    assert values.image == f"github-gist-mcp:{VERSION}"
    assert values.user == read_image().user


def test_the_port_the_volume_and_the_servers_are_those_of_the_image() -> None:
    values, image = of_compose(), read_image()

    assert values.port == int(image.environment["PORT"])
    assert values.folders == {"/tmp", *image.volumes}
    assert values.settings["RBT_SERVERS"] == image.environment["RBT_SERVERS"]


def test_nobody_has_rights() -> None:
    values = of_compose()

    assert values.root_is_read_only
    assert values.capabilities_dropped == ["ALL"]
    assert not values.can_gain_rights


def test_the_launcher_has_the_time_that_it_takes_to_end_everything() -> None:
    assert of_compose().stop_seconds > GRACEFUL_SECONDS + TERMINATE_SECONDS + KILL_SECONDS


def test_every_setting_is_one_and_no_secret_has_a_value() -> None:
    values = of_compose()
    known = {str(field.validation_alias) for field in Config.model_fields.values()}

    assert values.secrets == {"GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "TOKEN_KEYS"}
    assert values.secrets | values.settings.keys() <= known | {"RBT_SERVERS"}
    assert values.secrets & values.settings.keys() == set()


def test_the_example_names_what_compose_asks_for_and_gives_no_value() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text()))

    named = re.findall(r"^(\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)

    assert {name for name, _ in named} == asked
    assert {value for _, value in named} == {""}


def test_compose_starts_nothing_without_what_production_needs() -> None:
    optional = set(re.findall(r"\$\{(\w+):-\}", COMPOSE.read_text()))

    assert optional == {"ALLOWED_USERS"}


def test_the_health_check_of_compose_is_that_of_the_image() -> None:
    """Repeated there, for who builds the image in a form that has none (OCI)."""
    stated = read(COMPOSE)["services"]["server"]["healthcheck"]
    check = read_image().health_check

    assert check is not None
    assert stated == {
        "test": ["CMD", *check.command],
        "interval": f"{check.interval_seconds}s",
        "timeout": f"{check.timeout_seconds}s",
        "start_period": f"{check.start_period_seconds}s",
    }


def test_caddy_finds_the_server_and_nobody_else_does() -> None:
    services = read(COMPOSE)["services"]
    named = set(re.findall(r"\{\$([A-Z_]+)", (REPOSITORY / CADDYFILE).read_text()))

    assert services["caddy"]["environment"].keys() <= named
    assert services["caddy"]["environment"]["UPSTREAM"] == f"server:{of_compose().port}"
    assert services["caddy"]["volumes"][0].startswith(f"./{CADDYFILE}:")
    assert "ports" not in services["server"]
