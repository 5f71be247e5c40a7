"""GitHub's REST API, as far as a client of gists and of the token endpoints meets it."""
