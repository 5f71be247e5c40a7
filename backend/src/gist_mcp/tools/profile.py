"""The tool that shows whose GitHub account the server acts as."""

from reboot.mcp.server import DurableContext

from gist_mcp import process
from gist_mcp.calls.call import running_call
from gist_mcp.calls.tool_errors import tool_errors
from gist_mcp.github.credential import GitHubToken
from gist_mcp.tools.results import Profile, profile


async def _own_profile(token: GitHubToken) -> Profile:
    answer = await process.services().github.get_user(token)
    return profile(answer.user)


@tool_errors
async def get_my_profile(context: DurableContext) -> Profile:
    """Get the GitHub profile of the signed-in user: the account that every tool acts as.

    Use it to tell whose account this is. Other people's profiles cannot be read.
    """
    return await running_call(context).read("Read the user's profile on GitHub", _own_profile)
