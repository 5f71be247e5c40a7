"""Keeps a copy of what is durable in this version: `.venv/bin/python scripts/keep_api.py`.

The copy is `api_of_releases/VERSION/`, in Protocol Buffers: what `rbt generate` makes of the
declarations in `api/` on its way to code, and what Reboot records with a state. A test holds every
copy against the declarations as they are, with the check that Reboot makes when a version opens the
state of another one. Run it after each change of `api/`. The copy of a version that is released is
never written again: its state is out there.
"""

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
DECLARATIONS: Final = REPOSITORY / "api"
KEPT: Final = REPOSITORY / "api_of_releases"

sys.path[:0] = [str(REPOSITORY / "backend" / "src"), str(DECLARATIONS)]

from reboot.pydantic_schema_to_proto import generate_proto_file_from_api  # noqa: E402

from gist_mcp.version import VERSION  # noqa: E402

MADE_BY_RBT: Final = re.compile(r"_(rbt|pb2|pb2_grpc)\.py$")
UNRELEASED: Final = f"## {VERSION} (unreleased)"


def write_api(target: Path) -> None:
    """Writes the declarations as they are into `target`, in Protocol Buffers."""
    declared = [
        path.relative_to(DECLARATIONS)
        for path in sorted(DECLARATIONS.glob("gist_state/**/*.py"))
        if not MADE_BY_RBT.search(path.name)
    ]
    for path in declared:
        made = asyncio.run(generate_proto_file_from_api(str(path), str(target)))
        assert made is not None, f"api/{path} declares no state"


def keep(changelog: str, kept: Path) -> Path:
    """Writes the copy of this version below `kept`. Ends the program if the version is released."""
    if UNRELEASED not in changelog:
        sys.exit(f"CHANGELOG.md has no `{UNRELEASED}`: raise the version before `api/` changes")
    copy = kept / VERSION
    shutil.rmtree(copy, ignore_errors=True)
    write_api(copy)
    return copy


def main() -> None:
    """Writes the copy of this version, and says where."""
    copy = keep((REPOSITORY / "CHANGELOG.md").read_text(), KEPT)
    print(f"{copy.relative_to(REPOSITORY)} is what is durable now")


if __name__ == "__main__":
    main()
