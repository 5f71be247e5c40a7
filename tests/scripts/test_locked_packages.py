"""Packages of the lock, their licences, and what is written of both."""

import json
import re
from email.message import Message

import pytest

from scripts import sbom
from scripts.document_licences import (
    JUDGED,
    PAGE,
    LicenceNotJudged,
    document,
    names_in,
)
from scripts.locked_packages import (
    LOCK,
    LicenceUnknown,
    licence_in,
    locked_packages,
)

DIGEST = "0123456789abcdef" * 4
SAMPLE = f"""pyjwt[crypto]==2.10.1 \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{DIGEST[::-1]}
    # via mcp
pywin32==312 ; sys_platform == 'win32' \\
    --hash=sha256:{DIGEST}
    # via mcp
"""


def described(**fields: str | list[str]) -> Message:
    message = Message()
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            message[name.replace("_", "-")] = value
    return message


def test_a_package_is_read_with_its_marker_and_every_digest() -> None:
    pyjwt, pywin32 = locked_packages(SAMPLE)

    assert (pyjwt.name, pyjwt.version, pyjwt.marker) == ("pyjwt", "2.10.1", "")
    assert pyjwt.sha256 == (DIGEST, DIGEST[::-1])
    assert pyjwt.purl == "pkg:pypi/pyjwt@2.10.1"
    assert pywin32.marker == "sys_platform == 'win32'"


def test_no_package_of_the_lock_is_missed() -> None:
    lock = LOCK.read_text()
    packages = locked_packages(lock)

    assert len(packages) == len(re.findall(r"^[a-z0-9]", lock, re.MULTILINE))
    assert sum(len(each.sha256) for each in packages) == lock.count("--hash=sha256:")
    assert all(each.sha256 for each in packages)


@pytest.mark.parametrize(
    ("message", "licence"),
    [
        (described(License_Expression="MIT OR Unlicense", License="BSD"), "MIT OR Unlicense"),
        (described(License="The MIT License (MIT)\n\nCopyright (c) 2015"), "MIT"),
        (described(License="Apache 2.0"), "Apache-2.0"),
        (
            described(Classifier=["Topic :: MIT", "License :: OSI Approved :: MIT License"]),
            "MIT",
        ),
    ],
)
def test_a_licence_is_read_however_a_package_names_it(message: Message, licence: str) -> None:
    assert licence_in(message, "sample") == licence


@pytest.mark.parametrize(
    "message",
    [
        described(),
        described(License="see the file"),
        # A family: which of its licences it is, the package says in its file only.
        described(Classifier="License :: OSI Approved :: BSD License"),
    ],
)
def test_a_licence_that_cannot_be_told_is_not_guessed(message: Message) -> None:
    with pytest.raises(LicenceUnknown):
        licence_in(message, "sample")


def test_the_page_of_licences_is_up_to_date() -> None:
    command = "run: .venv/bin/python scripts/document_licences.py"

    assert PAGE.read_text() == document(locked_packages(LOCK.read_text())), command


def test_a_licence_that_nobody_has_judged_is_refused() -> None:
    packages = locked_packages(LOCK.read_text())
    others = {name: asks for name, asks in JUDGED.items() if name != "MPL-2.0"}

    with pytest.raises(LicenceNotJudged, match=r"MPL-2\.0"):
        document(packages, others)


def test_an_expression_names_licences() -> None:
    assert names_in("(MIT OR Apache-2.0) AND PSF-2.0") == ["MIT", "Apache-2.0", "PSF-2.0"]


def test_the_bill_of_materials_has_every_package_with_licence_and_digests() -> None:
    packages = locked_packages(LOCK.read_text())

    made = sbom.document(packages, "1.2.3")

    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert made["metadata"]["component"]["version"] == "1.2.3"
    assert [each["purl"] for each in made["components"]] == [each.purl for each in packages]
    assert made["dependencies"][0]["dependsOn"] == [each.purl for each in packages]
    for component, package in zip(made["components"], packages, strict=True):
        (licence,) = component["licenses"]
        assert licence.get("expression") or licence["license"]["id"]
        digests = [each["hashes"][0]["content"] for each in component["externalReferences"]]
        assert tuple(digests) == package.sha256


def test_the_same_lock_gives_the_same_bill_of_materials() -> None:
    packages = locked_packages(LOCK.read_text())

    one, same = (sbom.document(packages, "1.2.3") for _ in range(2))
    other = sbom.document(packages[1:], "1.2.3")

    assert json.dumps(one) == json.dumps(same)
    assert other["serialNumber"] != one["serialNumber"]
