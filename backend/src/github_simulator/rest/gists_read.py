"""Reading gists: the lists, one gist, one revision, its commits."""

from github_simulator.clock import parse_iso_time
from github_simulator.model import Gist, Revision
from github_simulator.rest.answers import Answer, ApiError, not_found
from github_simulator.rest.call import Call
from github_simulator.rest.gist_bodies import base_gist, forks_of, full_gist, history_entry
from github_simulator.rest.paging import paged

MAX_REACHABLE_GISTS = 3000


def list_gists(call: Call) -> Answer:
    """GET /gists: the caller's own; without a token, everybody's public ones."""
    if call.caller.account is None:
        return _public_listing(call, "/gists")
    sees_secret = call.caller.has_scope("gist")
    own = [
        gist
        for gist in call.simulator.world.gists_of(call.account.user_id)
        if (sees_secret or gist.public) and not _is_unlisted(call, gist)
    ]
    return _listing(call, "/gists", own)


def list_public(call: Call) -> Answer:
    """GET /gists/public."""
    return _public_listing(call, "/gists/public")


def _public_listing(call: Call, path: str) -> Answer:
    public = [gist for gist in call.simulator.world.gists.values() if gist.public]
    newest = sorted(public, key=lambda gist: gist.created_at, reverse=True)
    return _listing(call, path, newest[:MAX_REACHABLE_GISTS])


def list_starred(call: Call) -> Answer:
    """GET /gists/starred."""
    user_id = call.account.user_id
    starred = [g for g in call.simulator.world.gists.values() if user_id in g.starred_by]
    return _listing(call, "/gists/starred", starred)


def list_of_user(call: Call) -> Answer:
    """GET /users/NAME/gists: the public ones, to their owner as well."""
    account = call.simulator.world.account_by_login(call.path["login"])
    if account is None:
        raise not_found()
    gists = [g for g in call.simulator.world.gists_of(account.user_id) if g.public]
    return _listing(call, f"/users/{account.login}/gists", gists)


def get_gist(call: Call) -> Answer:
    """GET /gists/ID: secret gists too, for whoever knows the id."""
    gist = gist_of(call)
    return Answer(200, full_gist(call, gist), last_modified=gist.updated_at)


def get_revision(call: Call) -> Answer:
    """GET /gists/ID/SHA."""
    gist = gist_of(call)
    revision = _revision_of(gist, call.path["version"])
    return Answer(200, full_gist(call, gist, revision), last_modified=revision.committed_at)


def list_commits(call: Call) -> Answer:
    """GET /gists/ID/commits, newest first."""
    gist = gist_of(call)
    page = paged(call, f"/gists/{gist.gist_id}/commits", gist.revisions[::-1])
    commits = [history_entry(call, gist, revision) for revision in page.items]
    return Answer(200, commits, page.headers)


def list_forks(call: Call) -> Answer:
    """GET /gists/ID/forks."""
    gist = gist_of(call)
    page = paged(call, f"/gists/{gist.gist_id}/forks", forks_of(call, gist))
    return Answer(200, [base_gist(call, fork) for fork in page.items], page.headers)


def gist_of(call: Call) -> Gist:
    """The gist in the path. Raises `ApiError` 404, or 403 if it is blocked."""
    gist = call.simulator.world.gists.get(call.path["gist_id"])
    if gist is None:
        raise not_found()
    if gist.blocked:
        block = {"reason": "dmca", "created_at": "2026-01-01T00:00:00Z", "html_url": None}
        raise ApiError(403, "Repository access blocked", block=block)
    return gist


def _revision_of(gist: Gist, version: str) -> Revision:
    for revision in gist.revisions:
        if revision.version == version:
            return revision
    raise not_found()


def _is_unlisted(call: Call, gist: Gist) -> bool:
    """True while the list lags behind this gist; counts the listing if that is the measure."""
    if gist.unlisted_for_listings > 0:
        gist.unlisted_for_listings -= 1
        call.simulator.store.changed()
        return True
    return call.now < gist.unlisted_until


def _listing(call: Call, path: str, gists: list[Gist]) -> Answer:
    since = call.query.get("since")
    if since:
        gists = _updated_after(gists, since)
    page = paged(call, path, gists)
    return Answer(200, [base_gist(call, gist) for gist in page.items], page.headers)


def _updated_after(gists: list[Gist], since: str) -> list[Gist]:
    try:
        limit = parse_iso_time(since)
    except ValueError:
        raise ApiError(422, "Invalid request.\n\nsince is not a valid date-time.") from None
    return [gist for gist in gists if int(gist.updated_at) > limit]
