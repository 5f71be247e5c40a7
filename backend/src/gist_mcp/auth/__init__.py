"""Signing in, and turning a bearer token into the person behind it."""
