"""The decision about a sign-in that comes back from GitHub. Nothing is rendered here.

The order is the protection: claim the sign-in (durable, once), exchange the code, ask GitHub who it
is, check that this account may use the server, redeem. The claim comes before the exchange: a crash
in between costs a person one more try at worst, the other order would let a code be replayed. In
every case that ends before the claim GitHub is not asked anything. After a crash the next run of
the application takes the claim over, for the same browser with the same code: if GitHub had not
seen the code the sign-in goes on, else it has to begin again.
"""

import contextlib
import logging
from dataclasses import dataclass
from enum import Enum

from reboot.aio.external import ExternalContext

from gist_mcp.deps import Deps
from gist_mcp.errors import (
    AccountNotAllowed,
    AllowedUsersUnknown,
    GitHubUnavailable,
    RateLimited,
    SignInRequired,
)
from gist_mcp.github.models import TokenGrant, UserAnswer
from gist_mcp.github.oauth import CodeRefused, is_plausible_code, is_possible_code
from gist_mcp.logs.context import note
from gist_mcp.logs.event import event
from gist_mcp.oauth import pkce, sign_in
from gist_mcp.oauth.answers import SignInFailed
from gist_mcp.oauth.authorization_request import is_stale
from gist_mcp.oauth.callback_errors import (
    AnotherAccountNeeded,
    SignInInterrupted,
    account_not_allowed,
    allowed_users_unknown,
    code_refused,
    error_from_github,
    github_unavailable,
    request_cookie_missing,
    sign_in_interrupted,
    sign_in_refused,
    state_unavailable,
    token_refused,
    too_many_sign_ins,
)
from gist_mcp.oauth.github_answer import GitHubAnswer
from gist_mcp.oauth.revoke_at_github import revoke_at_github
from gist_mcp.oauth.sign_in import (
    ACCOUNT_FLOW,
    CLIENT_FLOW,
    DISCONNECT_FLOW,
    Claimed,
    SignInRefused,
)
from gist_mcp.principal import GitHubUserId
from gist_mcp.servicers.guess_budget import CODE_COST
from gist_mcp.servicers.sign_in import EXPIRED, UNKNOWN
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.tokens.github_tokens import GitHubPair, pair_of
from gist_mcp.tokens.grants import account_id
from gist_mcp.tokens.guess_budget import Taken, TooManyGuesses

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """GitHub's tokens, and the account that they belong to.

    `scopes` are those granted, not those asked for, and `None` if GitHub does not say. `flow` is
    what the sign-in was begun for. `sign_in_id` names it; it opens nothing.
    """

    github: GitHubPair
    user_id: GitHubUserId
    login: str
    scopes: frozenset[str] | None
    flow: str
    sign_in_id: str


class NextStep(Enum):
    """What happens when a sign-in ends without a token."""

    NONE = "the person reads the error"
    RESTART = "the person reads the error, and may start the client's request again"
    ANOTHER_ACCOUNT = "the person reads the error, and may choose another account or give up"
    TELL_CLIENT = "the client gets the error; without a client the person reads it"


@dataclass(frozen=True, kw_only=True)
class NotSignedIn:
    """A sign-in that ends here without a token."""

    error: SignInFailed
    next_step: NextStep


async def finish_sign_in(
    deps: Deps, context: ExternalContext, answer: GitHubAnswer
) -> SignedIn | NotSignedIn:
    """Claims the sign-in, exchanges GitHub's code, checks whether the account may use this server,
    and redeems the sign-in: in this order.
    """
    try:
        claimed = await _claim(deps, context, answer)
    except SignInFailed as error:
        _log_refusal("callback refused", error)
        # Login CSRF (RFC 9700, 4.7): until the claim has shown that this browser began the sign-in,
        # nothing is sent to a client. What another browser began is not restarted here either,
        # whatever cookies this one brings.
        next_step = NextStep.NONE if error.is_other_browser else NextStep.RESTART
        return NotSignedIn(error=error, next_step=next_step)
    try:
        signed_in = await _ask_github(deps, answer, claimed)
        if claimed.flow not in (ACCOUNT_FLOW, DISCONNECT_FLOW):
            # Who is taken out of `ALLOWED_USERS` can still see and erase what is kept of them.
            await _check_account(deps, signed_in)
        await _redeem(deps, context, answer)
    except SignInInterrupted as error:
        logger.info("sign-in interrupted by a restart", extra=event("sign_in_interrupted"))
        return NotSignedIn(error=error, next_step=NextStep.RESTART)
    except AnotherAccountNeeded as error:
        _log_refusal("sign-in refused", error)
        return NotSignedIn(error=error, next_step=NextStep.ANOTHER_ACCOUNT)
    except SignInFailed as error:
        _log_refusal("sign-in failed", error)
        return NotSignedIn(error=error, next_step=NextStep.TELL_CLIENT)
    note(account_id=signed_in.user_id, login=signed_in.login)
    text = "sign-in finished: %s (GitHub user %d)"
    logger.info(text, signed_in.login, signed_in.user_id, extra=event("sign_in"))
    return signed_in


def _log_refusal(text: str, error: SignInFailed) -> None:
    told = event("sign_in_refused", reason=error.log_reason)
    logger.info("%s: %s", text, error.log_reason, extra=told)


async def _claim(deps: Deps, context: ExternalContext, answer: GitHubAnswer) -> Claimed:
    """Takes the one right to go on with this sign-in. Raises `SignInFailed`."""
    try:
        claimed = await sign_in.claim(
            context,
            oauth_state=answer.oauth_state,
            browser_secrets=answer.browser_secrets,
            code=answer.code,
            incarnation=deps.incarnation,
            now_seconds=int(deps.clock()),
        )
    except SignInRefused as error:
        for_client = answer.wanted is not None or error.flow == CLIENT_FLOW
        outcome = _outcome(error.outcome, answer, now=deps.clock())
        raise sign_in_refused(outcome, for_client=for_client) from None
    except StateUnavailable as error:
        raise state_unavailable(error) from None
    # A client's sign-in must never end with GitHub's token on a page.
    if (claimed.flow == CLIENT_FLOW) != (answer.wanted is not None):
        raise request_cookie_missing()
    return claimed


def _outcome(outcome: str, answer: GitHubAnswer, *, now: float) -> str:
    """The outcome to tell the person. The state forgets old sign-ins; the browser's own cookie for
    this `state` may still show that it took too long."""
    if outcome == UNKNOWN and answer.wanted is not None and is_stale(answer.wanted, now=now):
        return EXPIRED
    return outcome


async def _ask_github(deps: Deps, answer: GitHubAnswer, claimed: Claimed) -> SignedIn:
    """The code's token and whose it is. Raises `SignInFailed`."""
    if answer.error is not None:
        raise error_from_github(answer.error)
    # PKCE at GitHub too: a code that was stolen on its way through the browser is worth nothing
    # without the verifier, which never leaves this server (RFC 7636, 1; RFC 9700, 2.1.1).
    key = pkce.key_of_state(deps.sealer.derive_all("pkce"), answer.oauth_state)
    code_verifier = pkce.derived_verifier(key, answer.oauth_state)
    try:
        grant, who = await _exchange(deps, answer, code_verifier)
    except CodeRefused as error:
        logger.warning("sign-in: %s", error.log_reason)
        if claimed.is_resumed and error.is_spent:
            raise sign_in_interrupted() from None
        raise code_refused(error) from None
    except (GitHubUnavailable, RateLimited) as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise github_unavailable(error) from None
    except SignInRequired as error:
        logger.warning("sign-in: %s", error.log_reason)
        raise token_refused() from None
    except TooManyGuesses as error:
        raise too_many_sign_ins(error.retry_after_seconds) from None
    except StateUnavailable as error:
        raise state_unavailable(error) from None
    return SignedIn(
        github=pair_of(grant, now=int(deps.clock())),
        user_id=who.user.id,
        login=who.user.login,
        scopes=who.scopes if grant.scopes is None else grant.scopes,
        flow=claimed.flow,
        sign_in_id=sign_in.digest_of(answer.oauth_state),
    )


async def _exchange(
    deps: Deps, answer: GitHubAnswer, code_verifier: str
) -> tuple[TokenGrant, UserAnswer]:
    """The code's token and whose it is. A code that GitHub refuses uses up the budget.

    Raises `CodeRefused`, `GitHubUnavailable`, `RateLimited`, `SignInRequired`, `TooManyGuesses`,
    `StateUnavailable`.
    """
    # Anybody can begin a sign-in and come back with a code of their own making, and GitHub answers
    # the app 2,000 token requests an hour. What cannot be a code is not worth one.
    taken = await _take(deps, answer) if is_possible_code(answer.code) else None
    try:
        grant = await deps.github_oauth.exchange_code(code=answer.code, code_verifier=code_verifier)
        who = await deps.github.get_user(grant.access_token)
    except (CodeRefused, GitHubUnavailable, RateLimited, SignInRequired) as error:
        # Nobody is to be shut out for a failure of GitHub, or of whoever has set up this server.
        is_in_vain = isinstance(error, CodeRefused) and not error.operator_must_act
        if taken is not None and not is_in_vain:
            await taken.give_back()
        raise
    if taken is not None:
        await taken.charge(account_id(deps.config.github_web_url, who.user.id))
    return grant, who


async def _take(deps: Deps, answer: GitHubAnswer) -> Taken:
    """The right to ask GitHub about the code. Raises `TooManyGuesses`, `StateUnavailable`."""
    if answer.known_account is not None:
        # An account that has used up its own part is still as good as a stranger.
        with contextlib.suppress(TooManyGuesses):
            return await deps.guesses.take_as(answer.known_account, cost=CODE_COST)
    return await deps.guesses.take(
        cost=CODE_COST, is_plausible=is_plausible_code(answer.code), address=answer.address
    )


async def _check_account(deps: Deps, signed_in: SignedIn) -> None:
    """Raises `SignInFailed` if the account may not use this server, or if nobody knows yet."""
    try:
        await deps.allowed.check_at_sign_in(signed_in.user_id, signed_in.login)
    except AccountNotAllowed:
        # Nobody gets this token, so nobody else would end it.
        await revoke_at_github(deps, signed_in.github)
        raise account_not_allowed(signed_in.login, signed_in.user_id) from None
    except AllowedUsersUnknown as error:
        logger.warning("sign-in: %s", error.log_reason)
        await revoke_at_github(deps, signed_in.github)
        raise allowed_users_unknown(error) from None


async def _redeem(deps: Deps, context: ExternalContext, answer: GitHubAnswer) -> None:
    """Ends the sign-in: from here on its token may be handed out. Raises `SignInFailed`."""
    try:
        # If this is refused, another run of the application has finished in our place; the
        # token that we got is dropped, and GitHub forgets tokens that nobody uses.
        await sign_in.redeem(
            context,
            oauth_state=answer.oauth_state,
            code=answer.code,
            incarnation=deps.incarnation,
            now_seconds=int(deps.clock()),
        )
    except SignInRefused as error:
        raise sign_in_refused(error.outcome, for_client=answer.wanted is not None) from None
    except StateUnavailable as error:
        raise state_unavailable(error) from None
