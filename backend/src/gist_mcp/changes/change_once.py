"""Makes a change at GitHub exactly once, also if this server or GitHub fails at any moment.

GitHub has no idempotency keys: each `POST /gists` creates another gist. So, for every change:

1. the intent is recorded, durably, before anything is sent;
2. right before each send the ledger records that the change may have been sent, if it is still
   ours, and what would tell that it has been made;
3. a known refusal means that nothing was changed;
4. after an unknown outcome (a crash, a lost response, a fault of GitHub) the call looks before it
   sends again. How, depends on the change (`Work.look`). A refusal of that send may come of the
   first one, so the call looks once more before it ends with it;
5. the result is claimed, where another change could take it for its own, and recorded before the
   call is answered;
6. every other end of the call is recorded in the ledger too: nothing changed, or unknown
   (`open_change`).

What a call has done before a restart is in the ledger: a change that was `sending` is looked for.
"""

import asyncio
import logging
from dataclasses import dataclass

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.calls.call_log import log_change
from gist_mcp.changes.change_errors import outcome_unknown
from gist_mcp.changes.intent import record_intent
from gist_mcp.changes.open_change import OpenChange, now_seconds
from gist_mcp.changes.step_outcome import StepFailure
from gist_mcp.changes.work import GIST_SCOPE, Look, Made, NeverMade, Work
from gist_mcp.constants import (
    LEDGER_RETENTION_SECONDS,
    LOOK_PATIENCE_SECONDS,
    MAX_SENDS,
    UNREACHABLE_DELAYS_SECONDS,
)
from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    OutcomeUnknown,
    RateLimited,
    ReadOnly,
    ToolError,
)
from gist_mcp.github.credential import GitHubToken
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.ledger import Ledger, lease_seconds
from gist_mcp.telemetry import metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """How one send or look ended: `made`, or `failure`, or neither.

    Neither is, for a send, an unknown outcome, and for a look, that there is nothing.
    """

    made: Made | None = None
    failure: StepFailure | None = None


async def change_once(call: ToolCall, work: Work, idempotency_key: str | None = None) -> Made:
    """What this call has led to, or the first call with the same key.

    Raises `Conflict` for a key that was used with other arguments, `OutcomeUnknown` when
    GitHub could not be asked whether the change was made, and what GitHub or `work` refuses with.
    """
    running = call.running
    ledger = Ledger(
        running.reboot,
        issuer=running.issuer,
        user_id=running.user_id,
        lease_seconds=lease_seconds(process.services().config.resume_wait_seconds),
    )
    write_id = ledger.write_id(idempotency_key, running.runner)
    change = OpenChange.of(ledger, write_id, running, work)
    if not running.is_adopted:
        try:
            _check_age(running.begun_at_seconds)
        except Conflict as too_old:
            raise await change.end_after(too_old) from None
    digests = work.digests() if idempotency_key is not None else {}
    intent = await record_intent(call, change, digests)
    known = intent.entry.result
    if known is not None:
        made = Made(id=known.gist_id, url=known.url)
        await change.ended_before(intent, made)
        return made
    change.begin(intent)
    if change.looks_first:
        logger.info("a call was interrupted while it sent; it looks whether GitHub got it")
    try:
        if running.is_adopted and intent.is_new:
            # An older release has noted no time of the call, only that of its session.
            _check_age(running.begun_at_seconds)
        async with change.within_lease():
            made = await _Carrying(call, change, work).carry_out()
            await change.end_with(made)
        if change.is_news():
            log_change(work.changed_gist(made))
        return made
    except StateUnavailable:
        # Reboot does not serve for a moment. That does not end the call: the tool runs again, here
        # or in the next process, and the change stays open. So it is with whatever nobody expects,
        # which is looked at where tools end (`calls/tool_errors.py`).
        raise
    except GistMcpError as error:
        raise await change.end_after(error) from None


class _Carrying:
    """The sends and looks of one call."""

    def __init__(self, call: ToolCall, open_change: OpenChange, work: Work) -> None:
        self._call = call
        self._open = open_change
        self._ledger = open_change.ledger
        self._change = open_change.change
        self._work = work
        self._maybe_sent = open_change.looks_first

    async def carry_out(self) -> Made:
        """Sends until the change is made, and looks first whenever it may be made already.

        Whatever it raises, the open change's `maybe_sent` says whether it may be.
        """
        is_approved = False
        for attempt in range(1, MAX_SENDS + 1):
            if self._maybe_sent:
                found = await self._look_repeatedly(attempt)
                if found is not None:
                    return found
            if not is_approved:
                found = await self._approve()
                if found is not None:
                    return found
                is_approved = True
            was_maybe_sent = self._maybe_sent
            sent = await self._send_when_allowed(attempt)
            if sent.failure is not None:
                found = await self._found_after(sent.failure) if was_maybe_sent else None
                if found is None:
                    raise sent.failure.error()
                return found
            if sent.made is not None and await self._is_ours(sent.made):
                return sent.made
            # Either the outcome is unknown, or another call of this user with the same content has
            # claimed what we have made as its result: then there is another, to be found or made.
        found = await self._look_repeatedly(MAX_SENDS + 1)
        if found is not None:
            return found
        raise self._unknown(None)

    async def _approve(self) -> Made | None:
        """Returns if the change may be sent; what an earlier send has made meanwhile, if that is
        why it may not.

        Also asked for what an earlier process may have sent: it was allowed then, and what is sent
        from here on is, if the operator's settings of today allow it.
        """
        try:
            if process.services().config.read_only:
                # The call began before a restart, and the operator has set it since.
                raise ReadOnly(by_operator=True)
            # No step: a tool that runs again has a new `Work`, which must know what was allowed.
            # What is asked on the way is asked once all the same.
            await self._work.approve(self._call, self._claim)
        except StateUnavailable:
            raise
        except GistMcpError as refusal:
            found = await self._found_after(StepFailure.of(refusal)) if self._maybe_sent else None
            if found is None:
                raise
            return found
        return None

    async def _is_ours(self, made: Made) -> bool:
        name = self._work.claim_name(made)
        return not name or await self._claim(name)

    def _unknown(self, reason: StepFailure | None) -> OutcomeUnknown:
        """The error of a call that may have sent. `None`: no look has found what it was to make."""
        why = reason.error() if reason else ToolError("GitHub did not confirm it.")
        return outcome_unknown(why, self._work.words)

    async def _found_after(self, refused: StepFailure) -> Made | None:
        """What an earlier send has made, if this is why a later one was refused."""
        if not refused.is_as_things_stand:
            return None
        alias = "Look for the change after GitHub has refused to make it again"
        return (await self._look(alias, pause_seconds=0.0)).made

    async def _send_when_allowed(self, attempt: int) -> _Tried:
        """One send, after a pause and another try where GitHub could not be reached at all.

        Its failure is one that certainly had no effect.
        """
        for number, pause_seconds in enumerate((*UNREACHABLE_DELAYS_SECONDS, None), start=1):
            sent = await self._send(f"Send the change to GitHub (send {attempt}, try {number})")
            failure = sent.failure
            self._open.posted(was_refused=failure is not None)
            if failure is None:
                self._maybe_sent = True
                return sent
            if not failure.is_unreachable or pause_seconds is None:
                return sent
            # Or the next process would look for what was never sent, which takes half a minute.
            await self._ledger.not_sent(self._change)
            logger.warning("GitHub cannot be reached; next try in %g seconds", pause_seconds)
            await asyncio.sleep(pause_seconds)
        raise AssertionError("the last try returns or raises")

    async def _send(self, alias: str) -> _Tried:
        async def send() -> _Tried:
            try:
                credential = await self._call.credential(GIST_SCOPE)
                # After the wait for the owner, whose next request may be the cancellation.
                await self._call.stop_if_cancelled()
                async with self._work.turn():
                    made = await self._call.with_credential(credential, self._prepare_and_post)
                return _Tried(made=made)
            except OutcomeUnknown:
                return _Tried()
            except StateUnavailable:
                # Not sent: all that is asked of durable state is asked before.
                raise
            except GistMcpError as error:
                return _Tried(failure=StepFailure.of(error))

        return await self._call.step(alias, send)

    async def _prepare_and_post(self, token: GitHubToken) -> Made:
        # Both again after a wait for GitHub's limit: what was read before it may have changed.
        if self._maybe_sent and self._open.note:
            note = await self._work.prepare_again(token, self._open.note)
        else:
            note = await self._work.prepare(token)
        made = await self._open.hold(note)
        if made is not None:
            return Made(id=made.gist_id, url=made.url)
        self._open.posts()
        try:
            return await self._work.send(token, self._open.note)
        except RateLimited:
            # Before the wait for the limit: should the process end in it, the next one would look
            # for what was never made, which takes half a minute.
            self._open.posted(was_refused=True)
            await self._ledger.not_sent(self._change)
            raise

    async def _look_repeatedly(self, attempt: int) -> Made | None:
        """Looks until the result is found or all looks have seen that it is not there."""
        deadline_seconds = process.services().clock() + LOOK_PATIENCE_SECONDS
        delays_seconds = self._work.look_delays_seconds
        looks = 0
        tries = 0
        doubt: StepFailure | None = None
        wait_seconds = 0.0
        while looks < len(delays_seconds):
            tries += 1
            alias = f"Look for the change before sending again (send {attempt}, look {tries})"
            looked = await self._look(alias, max(wait_seconds, delays_seconds[looks]))
            if looked.made is not None:
                return looked.made
            wait_seconds = 0.0
            doubt = looked.failure
            if looked.failure is None or looked.failure.is_doubt:
                looks += 1
                continue
            wait_seconds = looked.failure.pause_seconds
            gives_up_at_seconds = deadline_seconds - wait_seconds
            if not looked.failure.may_pass or process.services().clock() > gives_up_at_seconds:
                raise self._unknown(looked.failure)
        if doubt is not None:
            # The last look could not tell either. To send again could make it a second time.
            raise self._unknown(doubt)
        return None

    async def _look(self, alias: str, pause_seconds: float) -> _Tried:
        """One look, after a pause. Raises `NeverMade`."""

        async def find(token: GitHubToken) -> Made | None:
            _check_age(self._change.intended_at_seconds)
            return await self._work.look(
                Look(
                    token=token,
                    intended_at_seconds=self._change.intended_at_seconds,
                    note=self._open.note,
                    has_claimed=self._has_claimed,
                    claim=self._claim,
                )
            )

        async def look() -> _Tried:
            await asyncio.sleep(pause_seconds)
            try:
                # Also for a cancelled call: looking changes nothing, and tells the ledger. So it is
                # not here that a limit is waited for: that wait ends with the call.
                credential = await self._call.credential(GIST_SCOPE)
                made = await self._call.with_credential_at_once(credential, find)
                metrics.looked("not_found" if made is None else "found")
                return _Tried(made=made)
            except (StateUnavailable, NeverMade):
                raise
            except RateLimited as limit:
                metrics.looked("failed")
                await self._call.tell_of_wait(limit.retry_after_seconds)
                return _Tried(failure=StepFailure.of(limit))
            except GistMcpError as error:
                metrics.looked("failed")
                return _Tried(failure=StepFailure.of(error))

        return await self._call.step(alias, look)

    async def _has_claimed(self, name: str) -> bool:
        return await self._ledger.has_claimed(name, self._change.write_id)

    async def _claim(self, name: str) -> bool:
        # Now, and not when the look began: it may have waited for its owner, or for GitHub.
        _check_age(self._change.intended_at_seconds)
        return await self._ledger.claim(name, self._change.write_id, now_seconds=now_seconds())


def _check_age(since_seconds: int) -> None:
    """Raises `Conflict` when the ledger may have forgotten since then what was sent or claimed."""
    # A forgotten intent would look like none, and the gist of a forgotten claim like ours.
    if now_seconds() - since_seconds > LEDGER_RETENTION_SECONDS:
        raise Conflict("It was asked for more than a day ago.")
