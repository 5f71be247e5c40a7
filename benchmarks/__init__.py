"""`make bench`: this server beside stock DurableMCP and FastMCP, in one run against one GitHub."""
