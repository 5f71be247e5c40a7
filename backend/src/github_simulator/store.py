"""Keeps the world in memory and, if asked, in a JSON file that survives restarts."""

import os
import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from github_simulator.model import World, first_world

_WORLD = TypeAdapter(World)


class StateFileError(Exception):
    """The state file cannot be used; the message says why."""


class Store:
    """The one world of this process.

    Whoever changes it calls `changed()`; the file is written before the request is answered.
    Loading raises `StateFileError`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._is_changed = False
        self.world = _load(path) if path is not None and path.exists() else first_world()

    def changed(self) -> None:
        """The world differs from the file now."""
        self._is_changed = True

    def reset(self) -> None:
        """Back to the first world."""
        self.world = first_world()
        self.changed()

    def save_if_changed(self) -> None:
        """Replace the file atomically, readable by its owner only."""
        if self._path is not None and self._is_changed:
            _replace(self._path, _WORLD.dump_json(self.world))
        self._is_changed = False


def _load(path: Path) -> World:
    try:
        return _WORLD.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise StateFileError(f"{path} is not a state file of this simulator") from error


def _replace(path: Path, content: bytes) -> None:
    # mkstemp opens with mode 0600, so the file is never readable by others, not even briefly.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
