"""Which MCP session belongs to whom, and with which credential it acts."""
