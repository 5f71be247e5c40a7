"""The version of this project, told to MCP clients."""

from typing import Final

VERSION: Final = "0.1.0"
