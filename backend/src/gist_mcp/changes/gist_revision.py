"""At which version a gist is, and for which one the person has agreed."""

from dataclasses import dataclass

from gist_mcp import process
from gist_mcp.errors import Conflict
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist


@dataclass(frozen=True)
class Approved:
    """The gist as it was when its change was allowed. `base` is the SHA of its newest version then;
    `is_asked`: because the person has agreed.
    """

    base: str
    is_public: bool
    is_asked: bool


async def revision_of(token: GitHubToken, gist: Gist) -> str:
    """The SHA of the newest version, which later versions of GitHub's API do not put in a gist.

    Raises `Conflict` if GitHub does not tell it.
    """
    if gist.revision is not None:
        return gist.revision
    page = await process.services().github.list_revisions(token, gist.id, per_page=1)
    if not page.items:
        raise Conflict("GitHub does not say at which revision the gist is.")
    return page.items[0].version
