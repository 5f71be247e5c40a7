"""Every setting has its entry, with its default, and the reverse."""

import re
from pathlib import Path

from gist_mcp.config import Config

PAGE = Path(__file__).parent.parent.parent / "docs" / "configuration.md"
INTERNAL_PREFIX = "GIST_MCP_"


def test_every_setting_of_the_application_is_described_and_nothing_else() -> None:
    table = PAGE.read_text().partition("Settings of the commands")[0]
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    settings = {str(field.validation_alias) for field in Config.model_fields.values()}

    assert described == {name for name in settings if not name.startswith(INTERNAL_PREFIX)}
