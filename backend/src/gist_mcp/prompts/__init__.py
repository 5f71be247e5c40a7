"""Prompts that a person chooses from a menu (MCP, prompts)."""
