"""Tests of a person's own account."""
