"""Everything on the way into `/mcp`."""
