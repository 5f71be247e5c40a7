"""Writes docs/licences.md from the lock: `.venv/bin/python scripts/document_licences.py`.

A test compares the page with what this makes. A licence that nobody has judged stops it.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "licences.md"

sys.path[:0] = [str(REPOSITORY)]

from scripts.locked_packages import LOCK, LockedPackage, locked_packages  # noqa: E402

HEADER: Final = """# Licences

Made by `scripts/document_licences.py` from `requirements/app.lock`; change that, not this page.

This project is under Apache-2.0 ([LICENSE](../LICENSE)). Below is what an installation has beside
it, with the licence that each package names, as an SPDX expression. `make sbom` writes the same for
machines.

**They go together with Apache-2.0, because** no package is changed, copied into this repository or
linked into something that we distribute under another name: each is installed as its authors
published it, with its own licence file. An image that you build and pass on has these files too, in
`site-packages/*.dist-info`; leave them there. What each licence asks for beyond that:

| licence | asks |
|---|---|
"""

JUDGED: Final = {
    "Apache-2.0": "as this project: keep the notices, and say what was changed",
    "BSD-2-Clause": "keep the notice",
    "BSD-3-Clause": "keep the notice, and do not advertise with the authors' names",
    "MIT": "keep the notice",
    "MPL-2.0": "whoever passes on a *changed* file of such a package passes its source on too; the "
    "rest of a larger work may have any licence (3.3). Nothing is changed here",
    "PSF-2.0": "keep the notice, and say what was changed",
    "Unlicense": "nothing; offered as an alternative to MIT",
}
"""Licences that somebody has judged to go together with Apache-2.0, and what they ask."""


class LicenceNotJudged(Exception):
    """A package came with a licence of which nobody has said that it goes together with ours."""


def document(packages: list[LockedPackage], judged: Mapping[str, str] = JUDGED) -> str:
    """The page. Raises `LicenceNotJudged` and `LicenceUnknown`."""
    by_licence: defaultdict[str, list[LockedPackage]] = defaultdict(list)
    for package in packages:
        by_licence[package.licence].append(package)
    used = {name for expression in by_licence for name in names_in(expression)}
    missing = sorted(used - judged.keys())
    if missing:
        raise LicenceNotJudged(f"read, and add to JUDGED or do without: {', '.join(missing)}")
    judgements = "".join(f"| {name} | {judged[name]} |\n" for name in sorted(used))
    rows = "".join(
        f"| {package.name} | {package.licence} |{_where(package)}\n"
        for package in sorted(packages, key=lambda package: package.name)
    )
    return f"{HEADER}{judgements}\n## Packages\n\n| package | licence |\n|---|---|\n{rows}"


def names_in(expression: str) -> list[str]:
    """The licences in an SPDX expression."""
    return [word for word in re.findall(r"[A-Za-z0-9.+-]+", expression) if word not in _OPERATORS]


_OPERATORS: Final = frozenset({"AND", "OR", "WITH"})


def _where(package: LockedPackage) -> str:
    return f" <!-- {package.marker} -->" if package.marker else ""


def main() -> None:
    """Writes the page."""
    PAGE.write_text(document(locked_packages(LOCK.read_text())))


if __name__ == "__main__":
    main()
