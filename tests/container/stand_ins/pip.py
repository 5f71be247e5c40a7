"""Stands in for `pip install` while a test replays the Dockerfile: it asks no registry.

It takes exactly the options of the Dockerfile, and installs what the requirements file names, each
at its version, by copying from the environment of the tests, which was installed from the same
digests (`scripts/set_up.py`). A package that is not there at that version ends it.
"""

import argparse
import importlib.metadata
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ENVIRONMENT: Final = Path("/opt/environment")
"""Where the replay shows the environment of the tests."""

PACKAGES: Final = ENVIRONMENT / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
PINNED: Final = re.compile(r"^([\w.-]+)==([^\s;\\]+)(.*)$", re.MULTILINE)


def pinned(requirements: Path) -> Iterator[tuple[str, str]]:
    """Names and versions of what is to be installed on Linux."""
    for name, version, rest in PINNED.findall(requirements.read_text()):
        if "sys_platform == 'win32'" not in rest:
            yield name, version


def install(name: str, version: str) -> None:
    """Copies the files of a package to where pip would put them."""
    (package,) = importlib.metadata.distributions(name=name, path=[str(PACKAGES)])
    if package.version != version:
        sys.exit(f"{name} is here as {package.version}, not as {version}")
    for file in package.files or ():
        source = PACKAGES / file
        # A package may list what is gone, such as what Python had compiled.
        if source.is_file():
            _copy(source, Path(os.path.normpath(Path(sysconfig.get_path("purelib")) / file)))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # With its time, by which Python sees that what is compiled of it is not older.
    shutil.copy2(source, target)
    if target.parent == Path(sysconfig.get_path("scripts")):
        # pip writes into a script which Python runs it.
        first, _, rest = target.read_bytes().partition(b"\n")
        if first.startswith(b"#!"):
            target.write_bytes(f"#!{sys.executable}\n".encode() + rest)


def main() -> None:
    """Reads the command line and does it."""
    parser = argparse.ArgumentParser(prog="pip")
    parser.add_argument("command", choices=["install"])
    for flag in ("--no-cache-dir", "--no-deps", "--require-hashes", "--ignore-requires-python"):
        parser.add_argument(flag, action="store_true", required=True)
    parser.add_argument("--only-binary", choices=[":all:"], required=True)
    parser.add_argument("--requirement", type=Path, required=True)
    for name, version in pinned(parser.parse_args().requirement):
        install(name, version)


if __name__ == "__main__":
    main()
