"""A clean root folder that stands in for a base image, and programs that run in it.

Its programs are this machine's, shown read-only: `/usr`, Python, Envoy. All else is the folder's
own and empty at first. Namespaces are those that a container has, but for the network: the tests
and the simulated GitHub are at the same loopback.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rebootdev.settings import ENVOY_VERSION

from tests.container.rights import cannot

STAND_INS: Final = Path(__file__).parent / "stand_ins"
PYTHON: Final = "opt/python"
PROGRAMS: Final = "opt/base/bin"
ENVOY: Final = "opt/base/lib/envoy"
ENVIRONMENT_OF_THE_TESTS: Final = "opt/environment"
SEARCH_PATH: Final = f"/{PROGRAMS}:/{PYTHON}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEVICES: Final = ("null", "zero", "full", "random", "urandom", "tty")

# `rbt serve run` insists on the version of Reboot's base image. Ours is newer, and says that it is
# that one.
ENVOY_WRAPPER: Final = f"""#!/bin/sh
if [ "$1" = --version ]; then
    echo "envoy  version: 0/{ENVOY_VERSION}/Clean/RELEASE/BoringSSL"
    exit
fi
exec /{ENVOY} "$@"
"""

NAMESPACES: Final = ("--mount", "--pid", "--cgroup", "--ipc", "--uts")
NO_RIGHTS: Final = (
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
    "--no-new-privs",
)


@dataclass(frozen=True, kw_only=True)
class Process:
    """What is to run in the root: as whom, where, with what."""

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: str = "/"
    user: str = "root"
    """`root` or `UID:GID`. Nobody but root has any right beyond its own files."""
    volumes: Mapping[str, Path] = field(default_factory=dict)
    """Folders of this machine that it may write to, by their places in the root."""
    is_read_only: bool = False
    """Whether everything but the volumes and `/tmp` is."""


class CleanRoot:
    """The folder. Needs root, and the right to make namespaces."""

    def __init__(self, folder: Path) -> None:
        check_rights()
        self.folder = folder
        _make_folder(folder)
        self._shown: dict[str, Path] = {}
        self._show(Path("/usr"), "usr")
        for name in ("bin", "sbin", "lib", "lib64"):
            self._take_over(Path("/") / name)
        for name in ("dev", "etc", "opt", "proc", "root", "tmp", "var", "var/lib"):
            _make_folder(folder / name)
        self._make_etc()
        self._make_python()
        self._make_envoy()

    def _take_over(self, path: Path) -> None:
        if path.is_symlink():
            (self.folder / path.name).symlink_to(path.readlink())
        elif path.exists():
            self._show(path, path.name)

    def _show(self, path: Path, place: str) -> None:
        target = self.folder / place
        _make_folder(target if path.is_dir() else target.parent)
        if not path.is_dir():
            target.touch()
        self._shown[place] = path

    def _make_etc(self) -> None:
        etc = self.folder / "etc"
        (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (etc / "group").write_text("root:x:0:\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        shutil.copy("/etc/ld.so.cache", etc)
        # Which awk is `awk`.
        shutil.copytree("/etc/alternatives", etc / "alternatives", symlinks=True)

    def _make_python(self) -> None:
        """One without packages, at the search path's place of Python."""
        base = Path(sys.base_prefix)
        if not base.is_relative_to("/usr"):
            self._show(base, str(base.relative_to("/")))
        python = base / "bin" / f"python{sysconfig.get_python_version()}"
        place = self.folder / PYTHON
        subprocess.run([python, "-m", "venv", "--without-pip", place], check=True, umask=0o022)
        shutil.copy(STAND_INS / "pip.py", self.packages)

    @property
    def packages(self) -> Path:
        """The folder of the packages of its Python."""
        (found,) = (self.folder / PYTHON / "lib").glob("python3.*/site-packages")
        return found

    def _make_envoy(self) -> None:
        packages = Path(sysconfig.get_path("purelib"))
        self._show(packages / "envoy" / "_bin" / "envoy", ENVOY)
        wrapper = self.folder / PROGRAMS / "envoy"
        _make_folder(wrapper.parent)
        wrapper.write_text(ENVOY_WRAPPER)
        wrapper.chmod(0o755)
        _make_folder(self.folder / ENVIRONMENT_OF_THE_TESTS)

    def build_step(self, process: Process) -> None:
        """Runs it to its end, as a `RUN` of a Dockerfile. Only there pip's stand-in can read the
        environment of the tests."""
        shown = {ENVIRONMENT_OF_THE_TESTS: Path(sys.prefix)}
        ended = subprocess.run(
            self.arguments(process, shown), capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, f"{process.command}: {ended.stdout}{ended.stderr}"

    def arguments(self, process: Process, shown: Mapping[str, Path] | None = None) -> list[str]:
        """The command line that runs `process` here, as process 1 of namespaces of its own."""
        script = "\n".join(["set -eu; umask 022", *self._mounts(process, shown or {}), 'exec "$@"'])
        namespaces = ["unshare", *NAMESPACES, "--fork", "--kill-child"]
        inside = ["chroot", str(self.folder), *as_user(process)]
        return [*namespaces, "sh", "-c", script, "sh", *inside]

    def _mounts(self, process: Process, shown: Mapping[str, Path]) -> list[str]:
        root = shlex.quote(str(self.folder))
        lines = [f"mount --bind {root} {root}"]
        for place, path in {**self._shown, **shown}.items():
            lines.append(f"mount -o bind,ro {shlex.quote(str(path))} {root}/{place}")
        lines += [
            f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o mode=1777 tmpfs {root}/tmp",
            f"mount -t tmpfs -o mode=755 tmpfs {root}/dev",
            f"mkdir -m 1777 {root}/dev/shm",
        ]
        for device in DEVICES:
            lines.append(f"touch {root}/dev/{device}")
            lines.append(f"mount --bind /dev/{device} {root}/dev/{device}")
        for place, path in process.volumes.items():
            lines.append(f"mount --bind {shlex.quote(str(path))} {root}{place}")
        if process.is_read_only:
            lines.append(f"mount -o remount,bind,ro {root}")
        return lines


def as_user(process: Process) -> list[str]:
    """The command line that becomes `process`, for root in its place."""
    rights: list[str] = []
    if process.user != "root":
        uid, gid = process.user.split(":")
        rights = ["setpriv", f"--reuid={uid}", f"--regid={gid}", *NO_RIGHTS, "--"]
    variables = [f"{name}={value}" for name, value in process.environment.items()]
    folder = f"--chdir={process.folder}"
    return [*rights, "env", "--ignore-environment", folder, *variables, *process.command]


def check_rights() -> None:
    """Ends the test where no container can be made."""
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "--fork", "true"], capture_output=True, text=True, check=False
    )
    if os.geteuid() != 0 or tried.returncode != 0:
        cannot(f"a container needs root and the right to make namespaces: {tried.stderr.strip()}")


def _make_folder(path: Path) -> None:
    """Everybody may enter it and what is made above it, whatever the mask of this process."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir()
    path.chmod(0o755)
