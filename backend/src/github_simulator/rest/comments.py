"""Comments on gists: list, create, read, change, delete."""

from github_simulator.model import Comment, Gist
from github_simulator.rest.answers import Answer, ApiError, not_found
from github_simulator.rest.call import Call
from github_simulator.rest.gist_bodies import comment_body
from github_simulator.rest.gist_rules import parse_comment
from github_simulator.rest.gists_read import gist_of
from github_simulator.rest.paging import paged


def list_comments(call: Call) -> Answer:
    """GET /gists/ID/comments, oldest first."""
    gist = gist_of(call)
    page = paged(call, f"/gists/{gist.gist_id}/comments", gist.comments)
    return Answer(200, [comment_body(call, gist, each) for each in page.items], page.headers)


def create_comment(call: Call) -> Answer:
    """POST /gists/ID/comments."""
    gist = gist_of(call)
    text = parse_comment(call.json_object())
    number = call.simulator.world.next_number()
    comment = Comment(number, call.account.user_id, text, call.now)
    gist.comments.append(comment)
    call.simulator.store.changed()
    body = comment_body(call, gist, comment)
    return Answer(201, body, {"location": str(body["url"])})


def get_comment(call: Call) -> Answer:
    """GET /gists/ID/comments/CID."""
    gist = gist_of(call)
    return Answer(200, comment_body(call, gist, _comment(call, gist)))


def update_comment(call: Call) -> Answer:
    """PATCH /gists/ID/comments/CID: only its author's."""
    gist = gist_of(call)
    comment = _own_comment(call, gist)
    comment.body = parse_comment(call.json_object())
    comment.updated_at = call.now
    call.simulator.store.changed()
    return Answer(200, comment_body(call, gist, comment))


def delete_comment(call: Call) -> Answer:
    """DELETE /gists/ID/comments/CID."""
    gist = gist_of(call)
    gist.comments.remove(_own_comment(call, gist))
    call.simulator.store.changed()
    return Answer(204)


def _comment(call: Call, gist: Gist) -> Comment:
    for comment in gist.comments:
        if str(comment.comment_id) == call.path["comment_id"]:
            return comment
    raise not_found()


def _own_comment(call: Call, gist: Gist) -> Comment:
    comment = _comment(call, gist)
    if comment.user_id != call.account.user_id:
        raise ApiError(403, "Must have admin rights to Gist.")
    return comment
