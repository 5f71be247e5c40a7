"""What `docker build .` sends to the engine: the folder without what `.dockerignore` leaves out."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ALWAYS_SENT: Final = ("Dockerfile", ".dockerignore")


class BuildContext:
    """The files of a checkout that reach the engine, tracked or not.

    The rules are those of https://docs.docker.com/build/concepts/context/#dockerignore-files: the
    last line that matches a path, or a folder above it, decides.
    """

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        text = (checkout / ".dockerignore").read_text()
        lines = [line.strip() for line in text.splitlines()]
        rules = [line for line in lines if line and not line.startswith("#")]
        self._rules = [(line.startswith("!"), _pattern(line.removeprefix("!"))) for line in rules]
        self._exceptions = [line.removeprefix("!") for line in rules if line.startswith("!")]

    def files(self) -> list[Path]:
        """Their paths below the checkout."""
        return sorted(self._files(Path()))

    def is_sent(self, path: Path) -> bool:
        """Whether a file reaches the engine."""
        sent = True
        for is_exception, pattern in self._rules:
            if any(pattern.fullmatch(str(each)) for each in (path, *path.parents)):
                sent = is_exception
        return sent

    def _has_exception_below(self, folder: Path) -> bool:
        """Whether an excluded folder has to be entered all the same."""
        return any(each.startswith(f"{folder}/") for each in self._exceptions)

    def _files(self, folder: Path) -> Iterator[Path]:
        for entry in (self.checkout / folder).iterdir():
            path = folder / entry.name
            if entry.is_dir() and not entry.is_symlink():
                if self.is_sent(path) or self._has_exception_below(path):
                    yield from self._files(path)
            elif self.is_sent(path):
                yield path


def _pattern(line: str) -> re.Pattern[str]:
    """Go's `filepath.Match`, as far as we use it, and `**`."""
    parts = re.split(r"(\*\*/|\*|\?)", line.strip("/"))
    meanings = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meanings.get(part, re.escape(part)) for part in parts))
