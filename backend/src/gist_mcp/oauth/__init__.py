"""Signing in: an authorization server with GitHub behind it."""
