"""Changes at GitHub that a call makes exactly once."""
