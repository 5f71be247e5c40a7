"""The Dockerfile, read as a container engine reads it, and what it makes, laid out in a folder.

Not built: packages and Python are those of the tests, and generated code is the checkout's.
"""

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.deployment import REPOSITORY

DOCKERFILE = REPOSITORY / "Dockerfile"
DOCKERIGNORE = REPOSITORY / ".dockerignore"


@dataclass(frozen=True, kw_only=True)
class Image:
    """What of the Dockerfile is there when the container runs."""

    environment: dict[str, str]
    stop_signal: str
    command: list[str]
    user: str
    copies: list[list[str]]
    """Sources and, last, the target of each COPY."""


def read_image() -> Image:
    """The image that the Dockerfile describes. Raises `KeyError` if it leaves something open."""
    last: dict[str, str] = {}
    environment: dict[str, str] = {}
    copies = []
    for name, value in _instructions(DOCKERFILE.read_text()):
        last[name] = value
        if name == "ENV":
            environment |= dict(part.split("=", 1) for part in shlex.split(value))
        elif name == "COPY":
            copies.append(shlex.split(value))
    return Image(
        environment=environment,
        stop_signal=last["STOPSIGNAL"],
        # As JSON: text would be run by a shell, which passes no signal on.
        command=json.loads(last["CMD"]),
        user=last["USER"],
        copies=copies,
    )


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n", " ", "\n".join(lines))
    found = [line.split(maxsplit=1) for line in whole.splitlines() if line.strip()]
    return [(name, value) for name, value in found]


def lay_out(image: Image, folder: Path) -> None:
    """Makes of `folder` the image's working folder."""
    for *sources, target in image.copies:
        for source in sources:
            _copy(REPOSITORY / source, folder, target)


def _copy(source: Path, folder: Path, target: str) -> None:
    place = folder / target
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, place, ignore=ignored, dirs_exist_ok=True)
        return
    if target.endswith("/"):
        place /= source.name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, place)
