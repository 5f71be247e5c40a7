"""GitHub over HTTP: one method per call that we use."""
