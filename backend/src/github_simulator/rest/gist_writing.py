"""Puts gists into the world and changes them; no HTTP."""

import secrets
from collections.abc import Mapping

from github_simulator.model import Gist, Revision
from github_simulator.oauth.credentials import revoke, sha256_hex
from github_simulator.rest.gist_rules import TOKEN_PATTERN, NewGist, line_changes
from github_simulator.simulator import Simulator


def add_gist(simulator: Simulator, owner_id: int, new: NewGist) -> Gist:
    """A new gist; while a list lag is set, its owner's list will not show it at once."""
    now, settings = simulator.clock.now(), simulator.settings
    gist = Gist(
        gist_id=secrets.token_hex(16),
        owner_id=owner_id,
        public=new.public,
        description=new.description,
        created_at=now,
        updated_at=now,
        revisions=[_revision(owner_id, now, {}, new.files)],
        unlisted_until=now + settings.list_lag_seconds if settings.list_lag_seconds else 0.0,
        unlisted_for_listings=settings.list_lag_listings,
    )
    simulator.world.gists[gist.gist_id] = gist
    simulator.store.changed()
    _scan_for_tokens(simulator, gist)
    return gist


def change_gist(
    simulator: Simulator, gist: Gist, files: dict[str, str], description: str | None
) -> None:
    """Give the gist these files and this description; other files make a new revision."""
    now = simulator.clock.now()
    if files != gist.files:
        gist.revisions.append(_revision(gist.owner_id, now, gist.files, files))
    elif description == gist.description:
        return
    gist.description = description
    gist.updated_at = now
    simulator.store.changed()
    _scan_for_tokens(simulator, gist)


def fork_gist(simulator: Simulator, original: Gist, owner_id: int) -> Gist:
    """A copy of the gist as it is now, for another user."""
    new = NewGist(original.description, original.public, dict(original.files))
    fork = add_gist(simulator, owner_id, new)
    fork.fork_of = original.gist_id
    return fork


def _revision(user_id: int, now: float, old: Mapping[str, str], new: Mapping[str, str]) -> Revision:
    additions, deletions = line_changes(old, new)
    return Revision(secrets.token_hex(20), user_id, now, dict(new), additions, deletions)


def _scan_for_tokens(simulator: Simulator, gist: Gist) -> None:
    """GitHub revokes every token of its own that it finds in a public gist."""
    if not gist.public:
        return
    for content in gist.files.values():
        for value in TOKEN_PATTERN.findall(content):
            digest = sha256_hex(value)
            for token in list(simulator.world.tokens.values()):
                if digest in (token.digest, token.refresh_digest):
                    revoke(simulator, token)
