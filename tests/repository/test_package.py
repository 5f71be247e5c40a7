"""What a tool that knows nothing of us learns of the project: its metadata, and a wheel of it."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from gist_mcp.version import VERSION
from tests.support.checkout import copy_checkout
from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration

BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a wheel, built as pip builds it. A deprecated setting fails the build."""
    checkout = copy_checkout(tmp_path_factory.mktemp("checkout"))
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-W", "error", "-c", BUILD, str(folder)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Metadata:
    """Its metadata, every field checked against the standards."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(name), validate=True)


def required(name: str) -> list[str]:
    """The requirements that a file of requirements/ states itself."""
    lines = (REPOSITORY / "requirements" / name).read_text().splitlines()
    stated = [line for line in lines if line and not line.startswith(("#", "-"))]
    return [str(Requirement(line)) for line in stated]


def pinned(name: str) -> str:
    """The version at which requirements/app.in holds a package."""
    (version,) = re.findall(rf"^{name}==(.+)$", "\n".join(required("app.in")), re.MULTILINE)
    return str(version)


def requirements_on(name: str, *, of: str) -> list[Requirement]:
    """What the installed package `of` requires of the package `name`, extras left out."""
    stated = map(Requirement, importlib.metadata.requires(of) or [])
    return [each for each in stated if each.name == name and "extra" not in str(each.marker)]


def is_for_python(version: str, requirement: Requirement) -> bool:
    """Whether a requirement is one with that Python."""
    return requirement.marker is None or requirement.marker.evaluate({"python_version": version})


def test_the_metadata_says_what_the_project_is(metadata: Metadata) -> None:
    assert metadata.name == "github-gist-mcp"
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert metadata.description is not None
    assert metadata.description.startswith("# github-gist-mcp\n")
    assert all(url.startswith("https://") for url in (metadata.project_urls or {}).values())


def test_the_version_is_the_servers(metadata: Metadata) -> None:
    """`test_version.py` has the other places."""
    assert str(metadata.version) == VERSION


def test_the_dependencies_are_those_of_the_application(metadata: Metadata) -> None:
    assert [str(each) for each in metadata.requires_dist or []] == required("app.in")


def test_the_group_for_tests_is_what_tests_need() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())

    assert project["dependency-groups"]["test"] == required("test.in")


def test_an_override_is_still_needed_and_as_narrow_as_its_reason() -> None:
    """`make lock` takes these without asking what anybody requires."""
    overrides = {each.name: each for each in map(Requirement, required("override.txt"))}
    (pin,) = requirements_on("mcp", of="durable-mcp")
    (bounds,) = requirements_on("starlette", of="fastapi")
    here = [each for each in requirements_on("starlette", of="mcp") if is_for_python("3.12", each)]

    assert overrides.keys() == {"mcp", "starlette"}
    assert str(overrides["mcp"].specifier) == f"=={pinned('mcp')}"
    assert not pin.specifier.contains(pinned("mcp"))
    assert overrides["starlette"].specifier == bounds.specifier
    installed = importlib.metadata.version("starlette")
    assert all(each.specifier.contains(installed) for each in here)


@pytest.mark.parametrize("name", ["app.lock", "test.lock"])
def test_a_lock_has_what_the_application_holds_at_one_version(name: str) -> None:
    lock = (REPOSITORY / "requirements" / name).read_text()
    held = [each for each in required("app.in") if "==" in each]

    assert len(held) == 4
    assert [each for each in held if f"\n{each} \\\n" not in f"\n{lock}"] == []


@pytest.mark.parametrize("installer", ["Dockerfile", "scripts/set_up.py"])
def test_whoever_installs_a_lock_takes_it_whole_and_checks_it(installer: str) -> None:
    """pip refuses an override, as it knows none, unless it is told not to look at dependencies."""
    text = (REPOSITORY / installer).read_text()

    assert "--no-deps" in text
    assert "--require-hashes" in text


def test_the_lowest_python_is_the_one_that_versions_are_chosen_for(metadata: Metadata) -> None:
    script = (REPOSITORY / "scripts" / "lock").read_text()
    (lowest,) = re.findall(r"--python-version (\S+)", script)

    python = metadata.requires_python

    assert python is not None
    assert f">={lowest}" in str(python)
    assert not python.contains("3.13.0")


def test_the_image_has_the_reboot_that_the_application_needs() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()

    (base,) = re.findall(r"^FROM [^\s:]+:([\d.]+)", dockerfile, re.MULTILINE)

    assert base == pinned("reboot")


def test_the_wheel_is_whole_and_has_no_simulator(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    # The folder first, so that nothing comes from the checkout.
    use = "import gist_mcp.app, gist_mcp.pages as pages; print(pages.__file__)"
    used = subprocess.run(
        [sys.executable, "-c", use],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert used.returncode == 0, used.stderr
    pages = Path(used.stdout.strip()).parent
    assert pages.is_relative_to(tmp_path)
    assert list((pages / "templates").glob("*.html"))
    assert list((pages / "static").glob("*.css"))
    assert not list(tmp_path.glob("github_simulator*"))
