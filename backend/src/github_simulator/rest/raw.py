"""`raw_url`: a file's content, from what is another host at GitHub."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from github_simulator import choices
from github_simulator.rest.gist_bodies import blob_sha
from github_simulator.simulator import simulator_of


async def raw_file(request: Request) -> Response:
    """The content as text. Needs no token, and a client should send none here."""
    path, simulator = request.path_params, simulator_of(request)
    if simulator.product.hides_raw_files:
        return RedirectResponse(f"/login?{urlencode({'return_to': request.url.path})}", 302)
    gist = simulator.world.gists.get(path["gist_id"])
    for revision in reversed(gist.revisions) if gist and not gist.blocked else ():
        content = revision.files.get(path["name"])
        if content is not None and blob_sha(content) == path["blob"]:
            return _content(content)
    return PlainTextResponse("404: Not Found", 404)


def _content(content: str) -> Response:
    if len(content.encode()) > choices.RAW_READABLE_BYTES:
        return PlainTextResponse("Content is too large", choices.RAW_TOO_LARGE_STATUS)
    return PlainTextResponse(
        content,
        headers={
            "x-content-type-options": "nosniff",
            "cache-control": "max-age=300",
            "content-security-policy": "default-src 'none'; sandbox",
        },
    )
