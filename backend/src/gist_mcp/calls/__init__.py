"""A running tool call, and the rules for its arguments."""
