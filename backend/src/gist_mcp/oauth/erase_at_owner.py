"""Has the ended sessions of an account deleted in the server process that owns the account, where
also every token of the account is checked.

GitHub's answer comes to any process. A sealed header tells the owner that a process of ours asks,
and for which account.
"""

import logging
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gist_mcp.deps import Deps
from gist_mcp.oauth.owner_hop import ask_owner, hop_of
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.account_end import Person
from gist_mcp.sessions.hop import Hop
from gist_mcp.sessions.placement import account_of, account_state_ref, is_account_here

logger = logging.getLogger(__name__)

ERASE_PATH: Final = "/account/erase-sessions"


async def erase_at_owner(request: Request, person: Person) -> None:
    """Begins it, when GitHub knows none of the person's tokens any more.

    If the owner cannot be reached, the sessions leave by `RETENTION_SECONDS`.
    """
    deps: Deps = request.app.state.deps
    if is_account_here(person.account):
        _begin(deps, person)
        return
    hop = Hop(method="POST", path=ERASE_PATH, state_ref=account_state_ref(person.account))
    try:
        await ask_owner(request, hop, headers={}, content=str(person.user_id).encode())
    except StateUnavailable:
        logger.warning("the sessions of an account are not deleted at once: no way to its owner")


async def erase_sessions(request: Request) -> Response:
    """`POST /account/erase-sessions`: from a process of ours. To anybody else it does not exist."""
    deps: Deps = request.app.state.deps
    try:
        hop = hop_of(request)
    except StateUnavailable:
        hop = None
    if hop is None:
        return Response("Not Found", status_code=404, media_type="text/plain")
    person = Person(
        issuer=deps.config.github_web_url, user_id=GitHubUserId(int(await request.body()))
    )
    assert person.account == account_of(hop.state_ref), "what a process of ours says fits together"
    _begin(deps, person)
    return Response(status_code=204)


def _begin(deps: Deps, person: Person) -> None:
    deps.verifier.disbelieve(person.user_id)
    deps.erasure.begin(person.account)
