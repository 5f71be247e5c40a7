"""Tools that read gists."""

from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.call import running_call, tool_errors
from gist_mcp.constants import COUNTED_PAGES
from gist_mcp.github.credential import GitHubToken
from gist_mcp.tools.results import GistList, gist_list


async def _first_gists_and_count(token: GitHubToken) -> GistList:
    github = process.services().github
    page = await github.list_gists(token)
    pages = [page]
    for _ in range(COUNTED_PAGES - 1):
        if page.next_url is None:
            break
        page = await github.next_page(token, page.next_url)
        pages.append(page)
    return gist_list(pages)


@tool_errors
async def list_my_gists(context: DurableContext) -> GistList:
    """List the signed-in user's gists, public and secret: how many, and the first ten."""
    return await running_call(context).read(
        "List the user's gists on GitHub", _first_gists_and_count
    )
