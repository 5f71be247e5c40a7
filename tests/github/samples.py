"""Answers of GitHub and kinds of calls, as the tests of this room need them."""

import json

from gist_mcp.github.answer import Answer, Asker, Call

NOW = 1_800_000_000.0
TOKEN = "gho_" + "a1B2" * 9
READ = Call(success=frozenset({200}), names_gist=True)
LIST = Call(success=frozenset({200}))
WRITE = Call(
    success=frozenset({201}),
    writes=True,
    needs_gist_scope=True,
    arguments=("files", "description", "public"),
)
FORK = Call(success=frozenset({201}), writes=True, needs_gist_scope=True, names_gist=True)
APP = Call(success=frozenset({200, 404}), asker=Asker.APP)
RAW = Call(success=frozenset({200}), asker=Asker.NOBODY)

USER = {
    "id": 583231,
    "login": "octocat",
    "user_view_type": "public",
    "name": None,
    "bio": "Loves gists",
    "public_gists": 8,
    "followers": 20,
    "html_url": "https://github.com/octocat",
    "avatar_url": "https://avatars.example/octocat",
    "something_new": {"deep": [1]},
}
GIST = {
    "id": "aa5a315d61ae9438b18d",
    "html_url": "https://gist.github.com/octocat/aa5a315d61ae9438b18d",
    "description": "Hello",
    "public": False,
    "created_at": "2026-11-23T10:00:00Z",
    "updated_at": "2026-11-23T10:00:01Z",
    "comments": 2,
    "truncated": False,
    "owner": {"id": 583231, "login": "octocat"},
    "files": {
        "a.txt": {
            "filename": "a.txt",
            "type": "text/plain",
            "language": None,
            "raw_url": "https://gist.githubusercontent.com/octocat/x/raw/a.txt",
            "size": 5,
            "truncated": False,
            "content": "hello",
            "encoding": "utf-8",
        }
    },
}


def answer(status: int, body: object = None, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=names, body=content)


def problem(message: str, *errors: object) -> dict[str, object]:
    return {"message": message, "errors": list(errors), "documentation_url": "https://x"}
