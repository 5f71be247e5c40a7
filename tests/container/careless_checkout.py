"""A checkout as people have them: with secrets that Git does not know, for its owner only."""

import os
from pathlib import Path
from typing import Final

from tests.support.checkout import copy_checkout

CANARY: Final = "a-secret-that-somebody-left-in-the-checkout"
HIDING_PLACES: Final = (
    ".env",
    ".rbt/token_keys",
    "api/gist_state/v1/.env",
    "backend/.env.production",
    "backend/src/gist_mcp/.env",
    "backend/src/gist_mcp/private.pem",
    "requirements/registry.key",
    "scripts/.env.local",
)


def careless_checkout(folder: Path) -> Path:
    """Makes of `folder` such a checkout. Each of the secrets is `CANARY`."""
    checkout = copy_checkout(folder)
    for place in HIDING_PLACES:
        (checkout / place).parent.mkdir(exist_ok=True)
        (checkout / place).write_text(CANARY)
    for parent, _, names in os.walk(checkout):
        for path in (Path(parent), *(Path(parent) / name for name in names)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)
    return checkout
