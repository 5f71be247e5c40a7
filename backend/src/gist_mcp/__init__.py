"""An MCP server through which an assistant works on a person's GitHub gists as that person."""
