"""JSON of gists: the list form without contents, the full form, history and comments."""

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import quote

from github_simulator import choices
from github_simulator.clock import iso_time
from github_simulator.model import Comment, Gist, Revision
from github_simulator.rest.answers import JsonObject
from github_simulator.rest.call import Call
from github_simulator.rest.user_bodies import public_user, simple_user

MAX_LISTED_FILES = 300

LANGUAGES = {
    "py": ("Python", "application/x-python"),
    "js": ("JavaScript", "application/javascript"),
    "ts": ("TypeScript", "application/x-typescript"),
    "md": ("Markdown", "text/markdown"),
    "txt": ("Text", "text/plain"),
    "json": ("JSON", "application/json"),
    "html": ("HTML", "text/html"),
    "css": ("CSS", "text/css"),
    "sh": ("Shell", "application/x-sh"),
    "rb": ("Ruby", "application/x-ruby"),
    "go": ("Go", "text/plain"),
    "rs": ("Rust", "text/plain"),
    "yml": ("YAML", "text/x-yaml"),
    "yaml": ("YAML", "text/x-yaml"),
}


def base_gist(call: Call, gist: Gist) -> JsonObject:
    """The form in lists and of a fork (schema base-gist): files without contents."""
    revision = gist.revisions[-1]
    files = {name: _file(call, gist, name, text) for name, text in _listed(revision)}
    return _common(call, gist, files, len(revision.files))


def full_gist(call: Call, gist: Gist, revision: Revision | None = None) -> JsonObject:
    """The form of one gist (schema gist-simple), now or as of a revision."""
    revision = revision or gist.revisions[-1]
    files = {
        name: {**_file(call, gist, name, text), **_content(call, text)}
        for name, text in _listed(revision)
    }
    body = _common(call, gist, files, len(revision.files))
    body["user"] = None
    if gist.fork_of in call.simulator.world.gists:
        original = call.simulator.world.gists[gist.fork_of]
        body["fork_of"] = {**base_gist(call, original), "user": None}
    if not call.is_2026:
        body["forks"] = [_fork(call, fork) for fork in forks_of(call, gist)]
        body["history"] = [history_entry(call, gist, each) for each in reversed(gist.revisions)]
    return body


def forks_of(call: Call, gist: Gist) -> list[Gist]:
    """The gists that were forked from this one."""
    return [each for each in call.simulator.world.gists.values() if each.fork_of == gist.gist_id]


def history_entry(call: Call, gist: Gist, revision: Revision) -> JsonObject:
    """One commit (schema gist-history)."""
    total = revision.additions + revision.deletions
    return {
        "user": simple_user(call, call.simulator.world.accounts[revision.user_id]),
        "version": revision.version,
        "committed_at": iso_time(revision.committed_at),
        "change_status": {
            "total": total,
            "additions": revision.additions,
            "deletions": revision.deletions,
        },
        "url": f"{_url(call, gist)}/{revision.version}",
    }


def comment_body(call: Call, gist: Gist, comment: Comment) -> JsonObject:
    """One comment."""
    author = call.simulator.world.accounts[comment.user_id]
    return {
        "id": comment.comment_id,
        "node_id": f"GC_{comment.comment_id}",
        "url": f"{_url(call, gist)}/comments/{comment.comment_id}",
        "body": comment.body,
        "user": simple_user(call, author),
        "created_at": iso_time(comment.created_at),
        "updated_at": iso_time(comment.updated_at or comment.created_at),
        "author_association": "OWNER" if comment.user_id == gist.owner_id else "NONE",
    }


def blob_sha(content: str) -> str:
    """The name that git gives this content, which `raw_url` holds."""
    data = content.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _common(
    call: Call, gist: Gist, files: Mapping[str, JsonObject], number_of_files: int
) -> JsonObject:
    url = _url(call, gist)
    owner = call.simulator.world.accounts[gist.owner_id]
    gists = call.base_url + call.simulator.product.gists
    body: JsonObject = {
        "url": url,
        "forks_url": f"{url}/forks",
        "commits_url": f"{url}/commits",
        "id": gist.gist_id,
        "node_id": f"G_{gist.gist_id}",
        "git_pull_url": f"{gists}/{gist.gist_id}.git",
        "git_push_url": f"{gists}/{gist.gist_id}.git",
        "html_url": f"{gists}/{owner.login}/{gist.gist_id}",
        "files": files,
        "public": gist.public,
        "created_at": iso_time(gist.created_at),
        "updated_at": iso_time(gist.updated_at),
        "description": gist.description,
        "comments": len(gist.comments),
        "comments_enabled": True,
        "comments_url": f"{url}/comments",
        "owner": simple_user(call, owner),
        "truncated": number_of_files > MAX_LISTED_FILES,
    }
    shown = body if call.is_2026 else {**body, "user": None}
    return {**shown, **gist.shown_as}


def _url(call: Call, gist: Gist) -> str:
    return f"{call.api_url}/gists/{gist.gist_id}"


def _listed(revision: Revision) -> list[tuple[str, str]]:
    return list(revision.files.items())[:MAX_LISTED_FILES]


def _file(call: Call, gist: Gist, name: str, content: str) -> JsonObject:
    owner = call.simulator.world.accounts[gist.owner_id].login
    raw_files = call.simulator.product.raw_files
    place = f"{raw_files}/{owner}/{gist.gist_id}/raw/{blob_sha(content)}"
    language, media_type = LANGUAGES.get(name.rpartition(".")[2].lower(), (None, "text/plain"))
    return {
        "filename": name,
        "type": media_type,
        "language": language,
        "raw_url": f"{call.base_url}{place}/{quote(name, safe='')}",
        "size": len(content.encode()),
    }


def _content(call: Call, content: str) -> JsonObject:
    data = content.encode()
    is_cut = len(data) > choices.TRUNCATED_ABOVE_BYTES
    # A character on the edge is left out rather than split.
    shown = data[: choices.TRUNCATED_ABOVE_BYTES].decode("utf-8", "ignore") if is_cut else content
    if call.wants_base64:
        shown = base64.b64encode(shown.encode()).decode()
    return {
        "truncated": is_cut,
        "content": shown,
        "encoding": "base64" if call.wants_base64 else "utf-8",
    }


def _fork(call: Call, fork: Gist) -> JsonObject:
    return {
        "id": fork.gist_id,
        "url": _url(call, fork),
        "user": public_user(call, call.simulator.world.accounts[fork.owner_id]),
        "created_at": iso_time(fork.created_at),
        "updated_at": iso_time(fork.updated_at),
    }
