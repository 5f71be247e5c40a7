"""OAuth scopes: which ones imply which, and how they are written."""

import re
from collections.abc import Iterable

from github_simulator import choices

OFFLINE_ACCESS = "offline_access"

IMPLIED = {
    "repo": ("repo:status", "repo_deployment", "public_repo", "repo:invite", "security_events"),
    "admin:repo_hook": ("write:repo_hook", "read:repo_hook"),
    "write:repo_hook": ("read:repo_hook",),
    "admin:org": ("write:org", "read:org"),
    "write:org": ("read:org",),
    "admin:public_key": ("write:public_key", "read:public_key"),
    "write:public_key": ("read:public_key",),
    "admin:gpg_key": ("write:gpg_key", "read:gpg_key"),
    "write:gpg_key": ("read:gpg_key",),
    "user": ("read:user", "user:email", "user:follow"),
    "write:packages": ("read:packages",),
    "project": ("read:project",),
    "write:discussion": ("read:discussion",),
}

IN_WORDS = {
    "gist": "Create and change gists",
    "read:user": "Read your profile",
    "user": "Read and change your profile, email addresses and follows",
    "user:email": "Read your email addresses",
    "user:follow": "Follow and unfollow people",
    "repo": "Full control of repositories",
    "public_repo": "Write to public repositories",
    "read:org": "Read your organizations and teams",
    "notifications": "Read your notifications",
    "workflow": "Change GitHub Actions workflows",
    "delete_repo": "Delete repositories",
    "admin:org_hook": "Full control of organization hooks",
}

KNOWN = frozenset(IN_WORDS) | frozenset(IMPLIED) | {s for all_ in IMPLIED.values() for s in all_}


def parse_scopes(text: str) -> list[str]:
    """The names in a `scope` parameter, which may be separated by spaces or commas."""
    return [name for name in re.split(r"[\s,]+", text) if name]


def normalised(names: Iterable[str]) -> list[str]:
    """The scopes that are granted for these names: none that another one implies.

    `offline_access` is a wish about the token, not a scope, and is dropped.
    """
    wanted = {name for name in names if name != OFFLINE_ACCESS}
    if choices.DROP_UNKNOWN_SCOPES:
        wanted &= KNOWN
    implied = {inner for name in wanted for inner in IMPLIED.get(name, ())}
    return sorted(wanted - implied)


def covers(granted: Iterable[str], scope: str) -> bool:
    """True if the granted scopes hold this one, directly or by implication."""
    return any(scope == name or scope in IMPLIED.get(name, ()) for name in granted)
