"""`completion/complete`: how an argument of a prompt or of a resource's address may go on.

Clients ask while the person types. So the person's gists are listed at GitHub once, if this process
does not know them yet, and otherwise taken as they were listed last.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from mcp.types import CompleteResult, Completion

from gist_mcp import process
from gist_mcp.errors import GitHubUnavailable, InvalidArgument, ToolError
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.mcp_http.counted_method import counted, dumped
from gist_mcp.mcp_http.json_rpc import JsonRpcMessage
from gist_mcp.mcp_http.prompt_methods import prompt_of
from gist_mcp.prompts.completion import MAX_VALUES, filenames, gist_ids, topics
from gist_mcp.resources.gist_uri import FILE_TEMPLATE, GIST_TEMPLATE
from gist_mcp.sessions.hop import Authenticated

logger = logging.getLogger(__name__)

LISTING_SECONDS: Final = 5.0
"""How long a person waits for the first list."""

MAX_TYPED_CHARACTERS: Final = 1_000


type _Complete = Callable[[Sequence[Gist], str, dict[str, Any]], list[str]]


def _of_chosen_gist(gists: Sequence[Gist], typed: str, chosen: dict[str, Any]) -> list[str]:
    return filenames(gists, typed, gist_id=str(chosen.get("gist_id", "")))


_ARGUMENTS: Final[dict[tuple[str, str], _Complete]] = {
    ("share_snippet", "filename"): lambda gists, typed, _: filenames(gists, typed),
    ("summarise_my_gists", "topic"): lambda gists, typed, _: topics(gists, typed),
    (GIST_TEMPLATE, "gist_id"): lambda gists, typed, _: gist_ids(gists, typed),
    (FILE_TEMPLATE, "gist_id"): lambda gists, typed, _: gist_ids(gists, typed),
    (FILE_TEMPLATE, "filename"): _of_chosen_gist,
}
"""By prompt or template, and argument. Nothing completes the others, which are free text."""


async def answer_complete(request: JsonRpcMessage, caller: Authenticated) -> dict[str, Any]:
    """`completion/complete`: up to `MAX_VALUES` values, the best first.

    Raises `InvalidArgument` and `McpError`.
    """
    reference = _reference(request.params.get("ref"))
    name, typed = _argument(request.params.get("argument"))
    values_of = _ARGUMENTS.get((reference, name))
    if values_of is None:
        return dumped(_completed([]))
    context = request.params.get("context")
    chosen = context.get("arguments") if isinstance(context, dict) else None

    async def complete() -> CompleteResult:
        gists = await _gists(caller.credential.token)
        return _completed(values_of(gists, typed, chosen if isinstance(chosen, dict) else {}))

    return await counted(request, caller, complete)


def _completed(values: Sequence[str]) -> CompleteResult:
    return CompleteResult(
        completion=Completion(
            values=list(values[:MAX_VALUES]), total=len(values), hasMore=len(values) > MAX_VALUES
        )
    )


def _reference(ref: Any) -> str:
    """The name of the prompt, or the template."""
    kind = ref.get("type") if isinstance(ref, dict) else None
    if kind == "ref/prompt":
        return prompt_of(ref.get("name")).name
    if kind == "ref/resource":
        if ref.get("uri") not in (GIST_TEMPLATE, FILE_TEMPLATE):
            raise InvalidArgument("ref", f"the templates are {GIST_TEMPLATE} and {FILE_TEMPLATE}.")
        return str(ref["uri"])
    raise InvalidArgument("ref", "a ref/prompt or a ref/resource is expected.")


def _argument(argument: Any) -> tuple[str, str]:
    """Its name, and what is typed so far."""
    name = argument.get("name") if isinstance(argument, dict) else None
    typed = argument.get("value", "") if isinstance(argument, dict) else None
    if not isinstance(name, str) or not isinstance(typed, str):
        raise InvalidArgument("argument", "a name and a value are expected, both texts.")
    if len(typed) > MAX_TYPED_CHARACTERS:
        raise InvalidArgument("argument", f"{MAX_TYPED_CHARACTERS:,} characters at most.")
    return name, typed


async def _gists(token: GitHubToken) -> Sequence[Gist]:
    own_gists = process.services().own_gists
    known = own_gists.known(token)
    if known:
        return known
    try:
        async with asyncio.timeout(LISTING_SECONDS):
            return (await own_gists.all(token)).gists
    except (TimeoutError, GitHubUnavailable, ToolError) as failure:
        # A person who types is not shown errors: there is nothing to choose from, and that is all.
        logger.info("no gists to complete from: %s", type(failure).__name__)
        return ()
