"""Tests of `gist_mcp.github`: pure rules as tables, everything else over real HTTP."""
