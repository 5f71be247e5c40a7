"""What holds for every file of the project."""

import configparser
import re

import pytest

from tests.support.checkout import tracked_files
from tests.support.deployment import REPOSITORY

pytestmark = pytest.mark.integration

REGISTRIES = re.compile(r"pypi[.]org|pythonhosted[.]|npmjs[.]|debian[.]org")


def faults(text: str, *, tabs: bool) -> list[str]:
    """What in a file is not as .editorconfig has it."""
    lines = text.split("\n")
    found = {
        "no line feed at the end": bool(text) and lines[-1] != "",
        "a carriage return": "\r" in text,
        "a tab": "\t" in text and not tabs,
        "blanks at the end of a line": any(line != line.rstrip(" \t") for line in lines),
    }
    return [fault for fault, is_there in found.items() if is_there]


def test_files_are_as_the_configuration_of_editors_has_them() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(f"[top]\n{(REPOSITORY / '.editorconfig').read_text()}")
    assert dict(parser["*"]) == {
        "charset": "utf-8",
        "end_of_line": "lf",
        "insert_final_newline": "true",
        "trim_trailing_whitespace": "true",
        "indent_style": "space",
        "indent_size": "4",
    }

    found = {
        str(path): faults((REPOSITORY / path).read_bytes().decode(), tabs=path.name == "Makefile")
        for path in tracked_files()
    }

    assert {path: each for path, each in found.items() if each} == {}


def test_no_file_names_a_package_registry() -> None:
    """Each machine asks the one that its pip and npm are set up with."""
    named = [
        str(path) for path in tracked_files() if REGISTRIES.search((REPOSITORY / path).read_text())
    ]

    assert named == []
