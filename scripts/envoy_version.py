"""Which Envoy serves in production, and the `rbt` that takes it.

`rbt serve run` takes Envoy 1.30.2 and no other: it asks whether this is "the right Reboot base
image", and so compares the image with the release that writes Envoy's configuration. The part of
Reboot that Envoy talks to asks for less: an Envoy that is not older
(`reboot/routing/xds_server.py`). So there are two that we take. One is that one, as Reboot's image
has it. The other comes as a package with our lock, and everything in `tests/` has run with it: the
configuration that Reboot writes, and what `reboot_gateway.py` makes of it. Any other is refused.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from rebootdev.settings import ENVOY_VERSION

REBOOT_ENVOY: Final = ENVOY_VERSION
"""As Reboot's base image has it: 1.30.2."""

LOCKED_ENVOY: Final = "1.40.0"
"""As `requirements/app.lock` says."""

SCRIPTS: Final = Path(__file__).resolve().parent


class CannotStart(Exception):
    """Something is missing that is no setting; the text says what, in one line."""


def rbt_command(path: str | None) -> list[str]:
    """What to run as `rbt`, so that `rbt serve run` takes the Envoy on `path`, which is `PATH`.

    Raises `CannotStart`.
    """
    if shutil.which("rbt", path=path) is None:
        raise CannotStart(
            "found no `rbt` on PATH; it comes with the packages in requirements/app.lock"
        )
    envoy = shutil.which("envoy", path=path)
    if envoy is None:
        # `rbt` would take one in a container, to which no port of ours is open.
        raise CannotStart("found no `envoy` on PATH; docs/deployment.md says where it comes from")
    version = envoy_version(envoy)
    if version == REBOOT_ENVOY:
        return ["rbt"]
    if version == LOCKED_ENVOY:
        return [sys.executable, str(SCRIPTS / "rbt_with_locked_envoy.py")]
    raise CannotStart(
        f"{envoy} is version {version}; it has to be {REBOOT_ENVOY}, as in Reboot's image, or "
        f"{LOCKED_ENVOY}, as in requirements/app.lock"
    )


def envoy_version(program: str) -> str:
    """Such as 1.40.0. Raises `CannotStart`."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotStart(f"{program} --version fails: {error}") from None
    # The revision, the version and the kind of build, with slashes between them.
    found = re.search(r"/(\d+\.\d+\.\d+)/", said.stdout)
    return found[1] if found else "unknown"
