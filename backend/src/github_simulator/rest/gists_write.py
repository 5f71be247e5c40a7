"""Changing gists: create, update, delete, star, fork."""

from github_simulator.model import Gist
from github_simulator.rest.answers import Answer, FieldProblem, not_found, refuse
from github_simulator.rest.call import Call
from github_simulator.rest.gist_bodies import base_gist, forks_of, full_gist
from github_simulator.rest.gist_rules import (
    changed_files,
    new_description,
    parse_changes,
    parse_new_gist,
)
from github_simulator.rest.gist_writing import add_gist, change_gist, fork_gist
from github_simulator.rest.gists_read import gist_of


def create_gist(call: Call) -> Answer:
    """POST /gists. Two equal requests make two gists: there is no idempotency key."""
    new = parse_new_gist(call.json_object())
    if not call.account.email_verified:
        message = "user must have a verified email"
        refuse(FieldProblem("Gist", "user", "custom", message))
    gist = add_gist(call.simulator, call.account.user_id, new)
    return Answer(201, full_gist(call, gist), _location(call, gist))


def update_gist(call: Call) -> Answer:
    """PATCH /gists/ID: untouched files stay, null deletes one; visibility cannot change."""
    gist = _own_gist(call)
    body = call.json_object()
    files = changed_files(gist.files, parse_changes(body))
    change_gist(call.simulator, gist, files, new_description(body, gist.description))
    return Answer(200, full_gist(call, gist))


def delete_gist(call: Call) -> Answer:
    """DELETE /gists/ID."""
    gist = _own_gist(call)
    del call.simulator.world.gists[gist.gist_id]
    call.simulator.store.changed()
    return Answer(204)


def star_gist(call: Call) -> Answer:
    """PUT /gists/ID/star; again changes nothing."""
    gist = gist_of(call)
    if call.account.user_id not in gist.starred_by:
        gist.starred_by.append(call.account.user_id)
        call.simulator.store.changed()
    return Answer(204)


def unstar_gist(call: Call) -> Answer:
    """DELETE /gists/ID/star; again changes nothing."""
    gist = gist_of(call)
    if call.account.user_id in gist.starred_by:
        gist.starred_by.remove(call.account.user_id)
        call.simulator.store.changed()
    return Answer(204)


def is_starred(call: Call) -> Answer:
    """GET /gists/ID/star: 204 yes, 404 with {} no."""
    starred = call.account.user_id in gist_of(call).starred_by
    return Answer(204) if starred else Answer(404, {})


def create_fork(call: Call) -> Answer:
    """POST /gists/ID/forks."""
    gist = gist_of(call)
    has_fork = any(fork.owner_id == call.account.user_id for fork in forks_of(call, gist))
    if gist.owner_id == call.account.user_id or has_fork:
        message = "You cannot fork your own gist." if not has_fork else "Already forked."
        refuse(FieldProblem("Gist", "user", "custom", message))
    fork = fork_gist(call.simulator, gist, call.account.user_id)
    return Answer(201, base_gist(call, fork), _location(call, fork))


def _own_gist(call: Call) -> Gist:
    """The caller's gist in the path; another's answers like none."""
    gist = gist_of(call)
    if gist.owner_id != call.account.user_id:
        raise not_found()
    return gist


def _location(call: Call, gist: Gist) -> dict[str, str]:
    return {"location": f"{call.api_url}/gists/{gist.gist_id}"}
