"""What the Dockerfile promises, and that it is read here as an engine reads it."""

import re

import pytest

from gist_mcp.version import VERSION
from tests.container.build_context import BuildContext
from tests.container.dockerfile import Image, after, instructions, read_image, substituted
from tests.support.deployment import REPOSITORY

CONFIGURATION_PAGE = REPOSITORY / "docs" / "configuration.md"
DIGEST = f"sha256:{'a' * 64}"
CONTEXT_BYTES = 3_000_000
STOP_SECONDS = 10


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("$A", "1"),
        ("${A}b", "1b"),
        ("$NONE", ""),
        ("${NONE:-else}", "else"),
        ("${A:-else}", "1"),
        ("image:0.4${A:+@$A}", "image:0.4@1"),
        ("image:0.4${NONE:+@$NONE}", "image:0.4"),
    ],
)
def test_variables_are_put_in_as_an_engine_does(text: str, meaning: str) -> None:
    assert substituted(text, {"A": "1"}) == meaning


def test_an_instruction_goes_on_after_a_backslash_and_over_comments() -> None:
    text = "# syntax\nRUN one \\\n# why\n    && two\nUSER me\n"

    assert [(each.name, each.value) for each in instructions(text)] == [
        ("RUN", "one     && two"),
        ("USER", "me"),
    ]


def test_an_instruction_that_nobody_reads_is_not_passed_over() -> None:
    (added,) = instructions("ADD https://example.com/x.tar /")

    with pytest.raises(ValueError, match="ADD"):
        after(added, Image(), given={})


def test_nothing_in_the_container_runs_as_root() -> None:
    """By number: Kubernetes refuses a name where nobody may be root, as it cannot look it up."""
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", read_image().user)


def test_a_release_names_its_base_by_digest() -> None:
    base = read_image().base

    assert read_image({"REBOOT_BASE_DIGEST": DIGEST}).base == f"{base}@{DIGEST}"
    assert read_image().labels["org.opencontainers.image.base.name"] == base


def test_the_labels_tell_the_version_and_the_commit() -> None:
    labels = read_image({"REVISION": "0123abc"}).labels

    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.revision"] == "0123abc"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_no_setting_of_the_image_is_a_secret() -> None:
    image = read_image()

    assert set(image.environment) == {"PORT", "RBT_STATE_DIRECTORY", "RBT_SERVERS"}
    assert set(image.arguments) == {"VERSION", "REVISION"}


def test_every_setting_of_the_image_is_described_with_its_default() -> None:
    row = r"^\| `([A-Z_]+)` \| `([^`]*)`"
    described = dict(re.findall(row, CONFIGURATION_PAGE.read_text(), re.MULTILINE))

    assert read_image().environment.items() <= described.items()


def test_the_health_check_asks_for_longer_than_a_start_takes() -> None:
    check = read_image().health_check

    assert check is not None
    assert check.command == ["python", "scripts/check_health.py"]
    assert check.start_period_seconds >= check.interval_seconds


def test_the_port_and_the_volume_are_those_of_the_settings() -> None:
    image = read_image()

    assert [str(port) for port in image.ports] == [image.environment["PORT"]]
    assert [*image.volumes] == [image.environment["RBT_STATE_DIRECTORY"]]


def test_what_reaches_the_engine_is_small_and_of_the_image() -> None:
    files = BuildContext(REPOSITORY).files()

    assert sum((REPOSITORY / path).stat().st_size for path in files) < CONTEXT_BYTES
    assert {path.parts[0] for path in files} == {
        ".rbtrc",
        "api",
        "backend",
        "requirements",
        "scripts",
    }
    assert not [path for path in files if "simulator" in path.name and path.name != "simulator.py"]
