"""The argument `gist_id` of many tools, and what it means at this GitHub."""

from typing import Annotated, Final

from pydantic import Field

from gist_mcp import process
from gist_mcp.calls.gist_reference import GistReference, gist_hosts, gist_reference

GistId = Annotated[
    str, Field(description="The gist's id, or any URL of the gist, such as that of its page.")
]

REVISION_TEXT: Final = (
    "The revision (SHA) that you have read, from get_gist or an earlier change. The call is "
    "refused, and shows what changed, if the gist is at another by now."
)


def gist_of_call(*, gist_id: str, **_: object) -> GistReference:
    """`gist_meant` for the arguments of a call."""
    return gist_meant(gist_id)


def gist_meant(gist_id: str) -> GistReference:
    """The gist. Raises `InvalidArgument` if the argument names none at this GitHub."""
    config = process.services().config
    return gist_reference(gist_id, gist_hosts(config.github_web_url, config.github_api_url))
