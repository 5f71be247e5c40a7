"""Tools that list gists: the user's own, the starred ones, those of another account."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field
from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.call import running_call
from gist_mcp.calls.text import check_length
from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.errors import InvalidArgument
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import GistPage
from gist_mcp.tools.gists_read import PageNumber
from gist_mcp.tools.results import (
    DEFAULT_PER_PAGE,
    GistList,
    OthersGists,
    listed_gists,
    own_gist_list,
)

Visibility = Literal["all", "public", "secret"]

MAX_LISTED_GISTS = 100
OTHERS_PER_PAGE = 30
MAX_SINCE_CHARACTERS = 40
"""A time with a fraction and a time zone has 32."""

MAX_LOGIN_CHARACTERS = 101
"""Longer than any login at GitHub, with room for an `@` before it."""

_LOGIN = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,98}[0-9A-Za-z_])?\Z")
"""GitHub's logins have letters, digits and single hyphens; managed users' an underscore too."""


def check_list(*, since: str, **_: object) -> None:
    """Raises `InvalidArgument` for a time that is none."""
    if since:
        moment(since)


def moment(since: str) -> datetime:
    """A time as GitHub compares it. Raises `InvalidArgument`."""
    check_length("since", since, MAX_SINCE_CHARACTERS)
    try:
        found = datetime.fromisoformat(since.strip())
    except ValueError:
        raise InvalidArgument(
            "since", "is no time; give one such as 2026-11-28 or 2026-11-28T09:30:00Z (ISO 8601)."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@tool_errors
async def list_my_gists(
    context: DurableContext,
    page: PageNumber = 1,
    per_page: Annotated[
        int, Field(ge=1, le=MAX_LISTED_GISTS, description="How many gists a page has, 1 to 100.")
    ] = DEFAULT_PER_PAGE,
    since: Annotated[
        str,
        Field(
            description="Only gists changed since this time (ISO 8601), such as 2026-11-28.",
            json_schema_extra={"maxLength": MAX_SINCE_CHARACTERS},
        ),
    ] = "",
    visibility: Annotated[
        Visibility, Field(description="Only the public ones, only the secret ones, or all.")
    ] = "all",
) -> GistList:
    """List the signed-in user's gists, public and secret, newest first, and count them.

    Shows no contents: get_gist does. To find gists by their words, use search_my_gists.
    """
    call = running_call(context)
    limit = moment(since) if since else None

    async def ask(token: GitHubToken) -> GistList:
        return own_gist_list(
            await process.services().own_gists.all(token),
            call.running.user_id,
            page=page,
            per_page=per_page,
            since=limit,
            visibility=visibility,
            max_tokens=process.services().config.max_result_tokens,
        )

    return await call.read("List the user's gists on GitHub", ask)


@tool_errors
async def list_starred_gists(context: DurableContext, page: PageNumber = 1) -> OthersGists:
    """List the gists that the user has starred, of whomever.

    Shows no contents: get_gist does. The user's own gists are in list_my_gists.
    """

    async def ask(token: GitHubToken) -> GistPage:
        return await process.services().github.list_starred(
            token, per_page=OTHERS_PER_PAGE, page=page
        )

    call = running_call(context)
    found = await call.read("List the starred gists on GitHub", ask)
    max_tokens = process.services().config.max_result_tokens
    return listed_gists(
        found, call.running.user_id, "list_starred_gists", {}, page=page, max_tokens=max_tokens
    )


def check_login(*, login: str, **_: object) -> None:
    """Raises `InvalidArgument` for what is no account's name."""
    if not _LOGIN.match(login.removeprefix("@")):
        raise InvalidArgument("login", "is no account's name at GitHub, such as `octocat`.")


@tool_errors
async def list_user_gists(
    context: DurableContext,
    login: Annotated[
        str,
        Field(
            description="The account's name at GitHub, such as octocat.",
            json_schema_extra={"maxLength": MAX_LOGIN_CHARACTERS},
        ),
    ],
    page: PageNumber = 1,
) -> OthersGists:
    """List the public gists of any account, newest first.

    Shows no contents: get_gist does. For the user's own gists use list_my_gists, which has the
    secret ones too.
    """
    name = login.removeprefix("@")

    async def ask(token: GitHubToken) -> GistPage:
        return await process.services().github.list_gists_of(
            token, name, per_page=OTHERS_PER_PAGE, page=page
        )

    call = running_call(context)
    found = await call.read("List the account's gists on GitHub", ask)
    max_tokens = process.services().config.max_result_tokens
    return listed_gists(
        found,
        call.running.user_id,
        "list_user_gists",
        {"login": name},
        page=page,
        max_tokens=max_tokens,
    )
