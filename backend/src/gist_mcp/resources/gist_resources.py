"""What the resources are: which there are, and what is in them.

A gist is what `get_gist` answers, as JSON, and so is the list of the user's gists what
`list_my_gists` answers. A file is its exact content.
"""

import base64
import re
from typing import Final

from mcp.types import (
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)
from pydantic import AnyUrl, BaseModel
from pydantic_core import to_json

from gist_mcp import process
from gist_mcp.calls.foreign_text import author_of, hidden_characters, without_hidden
from gist_mcp.errors import Conflict, InvalidArgument, NotFound, ScopeRequired
from gist_mcp.github.credential import GitHubCredential, grants
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.github.own_gists import MAX_PAGES
from gist_mcp.resources.gist_uri import (
    FILE_TEMPLATE,
    GIST_TEMPLATE,
    MINE,
    GistUri,
    file_uri,
    gist_uri,
    parse_gist_uri,
)
from gist_mcp.tools.file_content import file_bytes, is_text, known_length
from gist_mcp.tools.gist_content import Wanted
from gist_mcp.tools.gist_reading import chosen, read_gist
from gist_mcp.tools.results import own_gist_list

JSON: Final = "application/json"
PLAIN_TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"

MAX_RESOURCE_BYTES: Final = 3 * 1024 * 1024
"""The largest file that is given whole: about as much as the response of a call may have."""

MAX_DESCRIPTION_CHARACTERS: Final = 300
MINE_PER_PAGE: Final = 100
GIST_SCOPE: Final = "gist"

_MEDIA_TYPE: Final = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\Z"
)


def templates() -> ListResourceTemplatesResult:
    """The URIs that name any gist, and any file of it."""
    return ListResourceTemplatesResult(
        resourceTemplates=[
            ResourceTemplate(
                uriTemplate=GIST_TEMPLATE,
                name="gist",
                title="A gist",
                description="A gist of anybody's by its id, with the contents of its files, as "
                "JSON. Long ones are cut, and say how to go on.",
                mimeType=JSON,
            ),
            ResourceTemplate(
                uriTemplate=FILE_TEMPLATE,
                name="gist-file",
                title="A file of a gist",
                description=f"The exact content of a file, of up to {MAX_RESOURCE_BYTES:,} bytes.",
            ),
        ]
    )


async def list_resources(credential: GitHubCredential, cursor: str) -> ListResourcesResult:
    """`gist://mine` and the user's gists, newest first, 100 for each page.

    `cursor` is empty or from the page before; `InvalidArgument` for another one.
    """
    number = _page_number(cursor)
    page = await process.services().own_gists.page(credential.token, number)
    resources = [_mine()] if number == 1 else []
    resources += [_listed(gist) for gist in page]
    has_next = page.has_next and number < MAX_PAGES
    return ListResourcesResult(
        resources=resources, nextCursor=str(number + 1) if has_next else None
    )


async def read_resource(credential: GitHubCredential, uri: str) -> ReadResourceResult:
    """The contents. Raises `NotFound`, and `Conflict` for a file that cannot be given whole."""
    if uri.rstrip("/") == MINE:
        content = TextResourceContents(uri=_url(MINE), mimeType=JSON, text=await _my(credential))
        return ReadResourceResult(contents=[content])
    named = parse_gist_uri(uri)
    if named is None:
        raise NotFound(f"There is no such resource. URIs are {GIST_TEMPLATE} and {FILE_TEMPLATE}.")
    if named.filename:
        return ReadResourceResult(contents=[await _file(credential, named)])
    gist = await read_gist(credential.token, named.gist_id, Wanted(), credential.user_id)
    content = TextResourceContents(
        uri=_url(gist_uri(named.gist_id)), mimeType=JSON, text=_json(gist)
    )
    return ReadResourceResult(contents=[content])


def _page_number(cursor: str) -> int:
    if not cursor:
        return 1
    number = int(cursor) if re.fullmatch(r"[0-9]{1,4}", cursor) else 0
    if not 1 < number <= MAX_PAGES:
        raise InvalidArgument("cursor", "is none that this server has given.")
    return number


def _mine() -> Resource:
    return Resource(
        uri=_url(MINE),
        name="my-gists",
        title="My gists",
        description="The list of your own gists, public and secret, newest first.",
        mimeType=JSON,
    )


def _listed(gist: Gist) -> Resource:
    first = gist.files[0].filename if gist.files else gist.id
    title = without_hidden(gist.description or "").strip() or first
    number = len(gist.files)
    return Resource(
        uri=_url(gist_uri(gist.id)),
        name=first,
        title=title[:MAX_DESCRIPTION_CHARACTERS],
        description=f"{'Public' if gist.public else 'Secret'} gist, {number} "
        f"{'file' if number == 1 else 'files'}.",
        mimeType=JSON,
    )


async def _my(credential: GitHubCredential) -> str:
    if not grants(credential.scopes, GIST_SCOPE):
        # GitHub would list the public gists only, which would look like all of them.
        raise ScopeRequired({GIST_SCOPE})
    services = process.services()
    listed = own_gist_list(
        await services.own_gists.all(credential.token),
        credential.user_id,
        page=1,
        per_page=MINE_PER_PAGE,
        since=None,
        visibility="all",
        max_tokens=services.config.max_result_tokens,
    )
    return _json(listed)


async def _file(
    credential: GitHubCredential, named: GistUri
) -> TextResourceContents | BlobResourceContents:
    github = process.services().github
    gist = await github.get_gist(credential.token, named.gist_id)
    (file,) = chosen(gist, [named.filename])
    if known_length(file) > MAX_RESOURCE_BYTES:
        raise Conflict(
            f"The file has {known_length(file):,} bytes. As a resource, files of up to "
            f"{MAX_RESOURCE_BYTES:,} bytes are given; read it in parts with get_gist."
        )
    found = await file_bytes(github, file)
    if found.data is None:
        raise Conflict(found.note or "The content of this file cannot be read.")
    about: dict[str, object] = {"author": author_of(gist.owner_id, credential.user_id)}
    uri = _url(file_uri(named.gist_id, file.filename))
    if not is_text(found.data):
        blob = base64.b64encode(found.data).decode()
        return BlobResourceContents(uri=uri, mimeType=_binary_type(file), blob=blob, _meta=about)
    text = found.data.decode()
    about["hidden_characters"] = hidden_characters(text)
    return TextResourceContents(uri=uri, mimeType=_text_type(file), text=text, _meta=about)


def _text_type(file: GistFile) -> str:
    media_type = (file.type or "").lower()
    return media_type if _MEDIA_TYPE.match(media_type) and media_type != BYTES else PLAIN_TEXT


def _binary_type(file: GistFile) -> str:
    media_type = (file.type or "").lower()
    # GitHub says `text/plain` of what it does not know.
    is_known = bool(_MEDIA_TYPE.match(media_type)) and not media_type.startswith("text/")
    return media_type if is_known else BYTES


def _url(uri: str) -> AnyUrl:
    return AnyUrl(uri)


def _json(result: BaseModel) -> str:
    return to_json(result, indent=2).decode()
