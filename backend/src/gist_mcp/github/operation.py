"""The name of a request to GitHub: its method and the template of its path, without anybody's
ids."""

import re
from typing import Final

from gist_mcp.telemetry.metrics import OTHER

_NAMES: Final = (
    (r"/user", "/user"),
    (r"/users/[^/]+", "/users/{login}"),
    (r"/users/[^/]+/gists", "/users/{login}/gists"),
    (r"/applications/[^/]+/token", "/applications/{client_id}/token"),
    (r"/applications/[^/]+/grant", "/applications/{client_id}/grant"),
    (r"/gists", "/gists"),
    (r"/gists/starred", "/gists/starred"),
    (r"/gists/[^/]+", "/gists/{gist_id}"),
    (r"/gists/[^/]+/star", "/gists/{gist_id}/star"),
    (r"/gists/[^/]+/forks", "/gists/{gist_id}/forks"),
    (r"/gists/[^/]+/commits", "/gists/{gist_id}/commits"),
    (r"/gists/[^/]+/comments", "/gists/{gist_id}/comments"),
    (r"/gists/[^/]+/comments/[^/]+", "/gists/{gist_id}/comments/{comment_id}"),
    (r"/gists/[^/]+/[0-9a-f]{40}", "/gists/{gist_id}/{revision}"),
    (r"/login/oauth/access_token", "/login/oauth/access_token"),
    (r"/rate_limit", "/rate_limit"),
    (r"/[^/]+/[^/]+/raw/.+", "/{login}/{gist_id}/raw/{file}"),
)
"""Patterns of whole paths and the templates for them. The first that fits is taken."""

_TEMPLATES: Final = tuple((re.compile(pattern), template) for pattern, template in _NAMES)
ENTERPRISE_PREFIX: Final = "/api/v3"
"""What all paths of the API begin with at a GitHub Enterprise Server."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


def operation(method: str, path: str) -> str:
    """Such as `GET /gists/{gist_id}`, or `OTHER` for what is not in the list."""
    path = path.removeprefix(ENTERPRISE_PREFIX)
    template = next((name for pattern, name in _TEMPLATES if pattern.fullmatch(path)), None)
    return f"{method} {template}" if template is not None and method in _METHODS else OTHER
