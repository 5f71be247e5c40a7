"""Each private name of the framework is checked, in one file, and a changed one stops the start."""

import ast
import importlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gist_mcp
from gist_mcp.app import build_application
from gist_mcp.config_source import parse_config
from gist_mcp.framework import private_names
from gist_mcp.framework.expectations import (
    Answers,
    Exists,
    FrameworkChanged,
    HasBody,
    HasFields,
    Is,
    IsSameAs,
    Sets,
    Takes,
    check_all,
)
from gist_mcp.framework.private_names import EXPECTED

PACKAGE = Path(gist_mcp.__file__).parent

PUBLIC_MODULES = {
    "reboot.aio.applications",
    "reboot.aio.auth.authorizers",
    "reboot.aio.contexts",
    "reboot.aio.external",
    "reboot.aio.secrets",
    "reboot.aio.workflows",
    "reboot.mcp.server",
    "reboot.protobuf",
    "reboot.std.collections.v1",
    "rebootdev.aio.aborted",
    "rebootdev.aio.servicers",
}
"""Of Reboot and DurableMCP, what their documentation shows to applications."""


def holder_of(name: str) -> tuple[Any, str]:
    """The module or class that has a name, and the last part of the name."""
    module, _, attributes = name.partition(":")
    *outer, last = attributes.split(".")
    holder: Any = importlib.import_module(module)
    for each in outer:
        holder = getattr(holder, each)
    return holder, last


def takes_something_else(*, something_else: object) -> object:
    return something_else


class Changed:
    """A class that sets nothing, with the fields of no message."""

    class DESCRIPTOR:
        fields_by_name = ("another",)


CHANGED = {
    Takes: takes_something_else,
    Is: "another value",
    IsSameAs: object(),
    Sets: Changed,
    HasFields: Changed,
    HasBody: takes_something_else,
    Answers: lambda _argument: logging.getLogger("another"),
}
"""What differs, by what is expected."""


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda each: each.name)
def test_a_name_that_is_gone_is_told(expected: Exists, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, name = holder_of(expected.name)
    for each in getattr(holder, "__mro__", [holder]):
        if each is not object:
            monkeypatch.delattr(each, name, raising=False)

    # Python has an `__init__` for a class that has none.
    instead = "has no source" if name == "__init__" else "is gone"
    with pytest.raises(FrameworkChanged, match=f"{re.escape(expected.name)} {instead}"):
        private_names.check()


@pytest.mark.parametrize(
    "expected", [each for each in EXPECTED if type(each) is not Exists], ids=lambda each: each.name
)
def test_a_name_that_has_changed_is_told(expected: Exists, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, name = holder_of(expected.name)
    monkeypatch.setattr(holder, name, CHANGED[type(expected)])

    with pytest.raises(FrameworkChanged) as caught:
        private_names.check()

    assert any(each.startswith(f"{expected.name} ") for each in caught.value.differences)


def test_what_is_installed_is_what_is_expected() -> None:
    private_names.check()


def test_the_text_names_every_difference_and_the_versions() -> None:
    with pytest.raises(FrameworkChanged) as caught:
        check_all([Is("log.log:INFO", "loud"), Exists("nowhere:at_all"), Exists("log.log:INFO")])

    assert caught.value.differences == (
        "log.log:INFO is 20 and not 'loud'",
        "nowhere:at_all is gone",
    )
    assert "reboot 0.40.1 (installed: 0.40.1)" in str(caught.value)
    assert "durable-mcp 0.7.1 (installed: 0.7.1)" in str(caught.value)


def test_the_application_is_not_built_on_a_changed_framework(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("reboot.routing.envoy_config.listener")
    config = parse_config({"PORT": "9991", "TOKEN_KEYS": "k" * 40}, production=False)

    with pytest.raises(FrameworkChanged, match="envoy_config:listener is gone"):
        build_application(config, incarnation="test")


def framework_imports(path: Path) -> Iterator[str]:
    """Every module of Reboot and DurableMCP that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        yield from (each for each in modules if each.split(".")[0] in ("reboot", "rebootdev"))


def test_no_other_file_imports_a_private_name() -> None:
    others = [
        path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "framework" / "private_names.py"
    ]

    private = {
        f"{path.relative_to(PACKAGE)}: {module}"
        for path in others
        for module in framework_imports(path)
        if module not in PUBLIC_MODULES
    }

    assert len(others) > 50
    assert private == set()
