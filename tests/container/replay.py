"""Builds the image without an engine: each instruction of the Dockerfile, one after the other.

What is replaced, and why:

- `FROM`: a clean root with this machine's programs (`clean_root.py`). There is no registry here.
- Envoy: that of the lock, which says that it is the base image's (`clean_root.py`), because
  `rbt serve run` insists on that version.
- pip: a stand-in that copies the packages that the tests run with (`stand_ins/pip.py`). Fetching
  them takes a minute; which ones, and with which options, still is what the Dockerfile says.

Everything else is done as it is written: by a shell in the root, from the files that
`.dockerignore` lets through, as the user of the moment.
"""

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.container.build_context import BuildContext
from tests.container.clean_root import SEARCH_PATH, CleanRoot, Process
from tests.container.dockerfile import Image, after, instructions


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """The image: its files, and what is known of it."""

    root: CleanRoot
    image: Image

    @property
    def folder(self) -> Path:
        """The image's working folder, from outside."""
        return self.path(self.image.folder)

    def path(self, place: str) -> Path:
        """A path of the image, from outside."""
        return self.root.folder / place.lstrip("/")

    def home(self) -> str:
        """The home of the image's user, which an engine looks up."""
        uid = self.image.user.partition(":")[0]
        users = (line.split(":") for line in self.path("/etc/passwd").read_text().splitlines())
        return next(fields[5] for fields in users if fields[2] == uid)


def build(checkout: Path, folder: Path) -> BuiltImage:
    """Builds what `checkout` describes; its files go to `folder`."""
    root = CleanRoot(folder)
    context = BuildContext(checkout)
    image = Image()
    for step in instructions((checkout / "Dockerfile").read_text()):
        image = after(step, image, given={})
        match step.name:
            case "RUN":
                root.build_step(_shell(step.value, image))
            case "COPY":
                _copy(step.value, context, root.folder / image.folder.lstrip("/"))
            case "WORKDIR":
                (root.folder / image.folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
    return BuiltImage(root=root, image=image)


def _shell(script: str, image: Image) -> Process:
    return Process(
        command=["/bin/sh", "-c", script],
        environment={"PATH": SEARCH_PATH, "HOME": "/root", **image.variables},
        folder=image.folder,
        user=image.user,
    )


def _copy(value: str, context: BuildContext, folder: Path) -> None:
    *sources, target = shlex.split(value)
    for source in map(Path, sources):
        sent = [path for path in context.files() if path.is_relative_to(source)]
        assert sent, f"COPY {source}: .dockerignore keeps it from the engine"
        for path in sent:
            place = folder / target
            if path != source:
                place /= path.relative_to(source)
            elif target.endswith("/"):
                place /= path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(context.checkout / path, place)
