"""`.dockerignore` is read as an engine reads it."""

from pathlib import Path

import pytest

from tests.container.build_context import BuildContext

IGNORED = """
# All but what is named.
*
!.rbtrc
!api
!scripts/serve.py
**/.env*
**/*.pem
api/made
"""


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    (tmp_path / ".dockerignore").write_text(IGNORED)
    return BuildContext(tmp_path)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (".rbtrc", True),
        (".git/config", False),
        ("api/a.py", True),
        ("api/deep/er/a.py", True),
        ("api/.env", False),
        ("api/deep/.env.local", False),
        ("api/deep/key.pem", False),
        ("api/made/a.py", False),
        ("apiary.py", False),
        ("scripts/serve.py", True),
        ("scripts/dev.py", False),
        (".env", False),
    ],
)
def test_the_last_line_that_fits_a_path_or_a_folder_above_it_decides(
    context: BuildContext, path: str, sent: bool
) -> None:
    assert context.is_sent(Path(path)) is sent


def test_a_folder_is_entered_for_what_is_named_in_it(context: BuildContext) -> None:
    for name in ("scripts/serve.py", "scripts/dev.py", "api/a.py", ".venv/api/a.py"):
        (context.checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (context.checkout / name).touch()

    assert context.files() == [Path("api/a.py"), Path("scripts/serve.py")]
