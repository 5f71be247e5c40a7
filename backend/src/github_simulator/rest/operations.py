"""Every REST operation in one table."""

from github_simulator.choices import ACCEPTED_SCOPES_FOR_GIST_WRITES
from github_simulator.rest import applications, comments, gists_read, gists_write, users
from github_simulator.rest.dispatch import Endpoint, Operation

_COMMENT = "/gists/{gist_id}/comments/{comment_id}"


def _write(
    method: str, path: str, endpoint: Endpoint, *, creates_content: bool = False
) -> Operation:
    return Operation(
        method,
        path,
        endpoint,
        needs="gist_write",
        creates_content=creates_content,
        accepted_scopes=ACCEPTED_SCOPES_FOR_GIST_WRITES,
    )


OPERATIONS = (
    Operation("GET", "/user", users.get_authenticated_user, needs="user"),
    Operation("GET", "/users/{login}", users.get_user),
    Operation("GET", "/rate_limit", users.get_rate_limit, is_counted=False),
    Operation("GET", "/versions", users.get_versions),
    Operation("POST", "/applications/{client_id}/token", applications.check_token, needs="app"),
    Operation("PATCH", "/applications/{client_id}/token", applications.reset_token, needs="app"),
    Operation("DELETE", "/applications/{client_id}/token", applications.delete_token, needs="app"),
    Operation("DELETE", "/applications/{client_id}/grant", applications.delete_grant, needs="app"),
    Operation("POST", "/credentials/revoke", applications.revoke_credentials),
    Operation("GET", "/gists", gists_read.list_gists),
    Operation("GET", "/gists/public", gists_read.list_public),
    Operation("GET", "/gists/starred", gists_read.list_starred, needs="user"),
    Operation("GET", "/users/{login}/gists", gists_read.list_of_user),
    Operation("GET", "/gists/{gist_id}", gists_read.get_gist),
    Operation("GET", "/gists/{gist_id}/commits", gists_read.list_commits),
    Operation("GET", "/gists/{gist_id}/forks", gists_read.list_forks),
    Operation("GET", "/gists/{gist_id}/comments", comments.list_comments),
    Operation("GET", _COMMENT, comments.get_comment),
    Operation("GET", "/gists/{gist_id}/star", gists_write.is_starred, needs="user"),
    Operation("GET", "/gists/{gist_id}/{version}", gists_read.get_revision),
    _write("POST", "/gists", gists_write.create_gist, creates_content=True),
    _write("PATCH", "/gists/{gist_id}", gists_write.update_gist, creates_content=True),
    _write("DELETE", "/gists/{gist_id}", gists_write.delete_gist),
    _write("PUT", "/gists/{gist_id}/star", gists_write.star_gist),
    _write("DELETE", "/gists/{gist_id}/star", gists_write.unstar_gist),
    _write("POST", "/gists/{gist_id}/forks", gists_write.create_fork, creates_content=True),
    _write("POST", "/gists/{gist_id}/comments", comments.create_comment, creates_content=True),
    _write("PATCH", _COMMENT, comments.update_comment, creates_content=True),
    _write("DELETE", _COMMENT, comments.delete_comment),
)
