"""Creates a gist exactly once, also if this server or GitHub fails at any moment.

GitHub has no idempotency keys: each `POST /gists` creates another gist. So:

1. the intent is recorded, durably, before anything is sent;
2. right before each send the ledger records that the change may have been sent, if it is still
   ours;
3. a known refusal means that nothing was created;
4. after an unknown outcome (a crash, a lost response, a fault of GitHub) the call looks before it
   sends again. The result is a gist of this user, created since the intent, with the same
   description, visibility and files, which no other call has claimed;
5. the result is claimed and recorded before the call is answered;
6. every other end of the call is recorded in the ledger too: nothing created, or unknown
   (`open_change`).

What a call has done before a restart is in the ledger: a change that was `sending` is looked for.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from gist_mcp import process
from gist_mcp.constants import (
    CLOCK_SKEW_SECONDS,
    LEDGER_RETENTION_SECONDS,
    LOOK_DELAYS_SECONDS,
    LOOK_PAGES,
    LOOK_PATIENCE_SECONDS,
    MAX_SENDS,
    UNREACHABLE_DELAYS_SECONDS,
)
from gist_mcp.errors import (
    Conflict,
    GistMcpError,
    NotFound,
    OutcomeUnknown,
    ToolError,
)
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Gist
from gist_mcp.servicers.unlogged_call import StateUnavailable
from gist_mcp.sessions.ledger import Ledger, lease_seconds
from gist_mcp.tools.arguments import NewGist
from gist_mcp.tools.call import ToolCall
from gist_mcp.tools.create_errors import outcome_unknown
from gist_mcp.tools.intent import record_intent
from gist_mcp.tools.open_change import OpenChange, now_seconds
from gist_mcp.tools.step_outcome import StepFailure

logger = logging.getLogger(__name__)

GIST_SCOPE = "gist"


@dataclass(frozen=True, kw_only=True)
class MadeGist:
    """The gist that a call created or found."""

    gist_id: str
    url: str


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """How one send ended: `made`, or `failure` (nothing was created), or neither (unknown)."""

    made: MadeGist | None = None
    failure: StepFailure | None = None


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """What one look found: `made`, or `failure` (GitHub could not be asked), or neither."""

    made: MadeGist | None = None
    failure: StepFailure | None = None


async def create_once(call: ToolCall, gist: NewGist, idempotency_key: str | None) -> MadeGist:
    """The one gist of this call, or of the first call with the same key.

    Raises `Conflict` for a key that was used with other arguments, `OutcomeUnknown` when
    GitHub could not be asked whether the gist exists, and what GitHub refuses with.
    """
    running = call.running
    ledger = Ledger(
        running.reboot,
        issuer=running.issuer,
        user_id=running.user_id,
        lease_seconds=lease_seconds(process.services().config.resume_wait_seconds),
    )
    change = OpenChange.of(ledger, ledger.write_id(idempotency_key, running.runner), running)
    if not running.is_adopted:
        try:
            _check_age(running.begun_at_seconds)
        except Conflict as too_old:
            raise await change.end_after(too_old) from None
    intent = await record_intent(call, change, gist, has_key=idempotency_key is not None)
    known = intent.entry.result
    if known is not None:
        return MadeGist(gist_id=known.gist_id, url=known.url)
    change.begin(intent)
    if change.looks_first:
        logger.info("create_gist was interrupted while it sent; it looks whether GitHub got it")
    try:
        if running.is_adopted and intent.is_new:
            # An older release has noted no time of the call, only that of its session.
            _check_age(running.begun_at_seconds)
        async with change.within_lease():
            made = await _Creation(call, change, gist).carry_out()
            await change.end_with_gist(gist_id=made.gist_id, url=made.url)
        return made
    except StateUnavailable:
        # Reboot does not serve for a moment. That does not end the call: the tool runs again, here
        # or in the next process, and the change stays open. So it is with whatever nobody expects,
        # which is looked at where tools end (`call.tool_errors`).
        raise
    except GistMcpError as error:
        raise await change.end_after(error) from None


class _Creation:
    """The sends and looks of one call."""

    def __init__(self, call: ToolCall, open_change: OpenChange, gist: NewGist) -> None:
        self._call = call
        self._open = open_change
        self._ledger = open_change.ledger
        self._change = open_change.change
        self._gist = gist
        self._maybe_sent = open_change.looks_first

    async def carry_out(self) -> MadeGist:
        """Sends until the gist exists, and looks first whenever it may exist already.

        Whatever it raises, the open change's `maybe_sent` says whether the gist may exist.
        """
        for attempt in range(1, MAX_SENDS + 1):
            if self._maybe_sent:
                found = await self._look_repeatedly(attempt)
                if found is not None:
                    return found
            sent = await self._send_when_allowed(attempt)
            if sent.made is not None and await self._claim(sent.made.gist_id):
                return sent.made
            # Either the outcome is unknown, or another call of this user with the same content has
            # claimed our gist as its result: then there is another gist, to be found or created.
        found = await self._look_repeatedly(MAX_SENDS + 1)
        if found is not None:
            return found
        raise self._unknown(None)

    def _unknown(self, reason: StepFailure | None) -> OutcomeUnknown:
        """The error of a call that may have sent. `None`: no look has found the gist."""
        why = reason.error() if reason else ToolError("GitHub did not confirm it.")
        return outcome_unknown(why)

    async def _send_when_allowed(self, attempt: int) -> _Sent:
        """One send, after a pause and another try where GitHub could not be reached at all."""
        for number, pause_seconds in enumerate((*UNREACHABLE_DELAYS_SECONDS, None), start=1):
            sent = await self._send(f"Create the gist on GitHub (send {attempt}, try {number})")
            failure = sent.failure
            self._open.posted(was_refused=failure is not None)
            if failure is None:
                self._maybe_sent = True
                return sent
            if not failure.is_unreachable or pause_seconds is None:
                raise failure.error()
            # Or the next process would look for what was never sent, which takes half a minute.
            await self._ledger.not_sent(self._change)
            logger.warning("GitHub cannot be reached; next try in %g seconds", pause_seconds)
            await asyncio.sleep(pause_seconds)
        raise AssertionError("the last try returns or raises")

    async def _send(self, alias: str) -> _Sent:
        async def post(token: GitHubToken) -> Gist:
            self._open.posts()
            return await process.services().github.create_gist(
                token,
                description=self._gist.description,
                public=self._gist.public,
                files=self._gist.files,
            )

        async def send() -> _Sent:
            try:
                credential = await self._call.credential(GIST_SCOPE)
                # After the wait for the owner, whose next request may be the cancellation.
                await self._call.stop_if_cancelled()
                made = await self._open.hold()
                if made is not None:
                    return _Sent(made=MadeGist(gist_id=made.gist_id, url=made.url))
                gist = await self._call.with_credential(credential, post)
            except OutcomeUnknown:
                return _Sent()
            except StateUnavailable:
                # Not sent: all that is asked of durable state is asked before.
                raise
            except GistMcpError as error:
                return _Sent(failure=StepFailure.of(error))
            return _Sent(made=MadeGist(gist_id=gist.id, url=gist.html_url))

        return await self._call.step(alias, send)

    async def _look_repeatedly(self, attempt: int) -> MadeGist | None:
        """Looks until the gist is found or all looks have seen that it is not there."""
        deadline_seconds = process.services().clock() + LOOK_PATIENCE_SECONDS
        looks = 0
        tries = 0
        doubt: StepFailure | None = None
        wait_seconds = 0.0
        while looks < len(LOOK_DELAYS_SECONDS):
            tries += 1
            alias = f"Look for the gist before sending again (send {attempt}, look {tries})"
            looked = await self._look(alias, max(wait_seconds, LOOK_DELAYS_SECONDS[looks]))
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
            # The last look could not tell either. To send again could create a second gist.
            raise self._unknown(doubt)
        return None

    async def _look(self, alias: str, pause_seconds: float) -> _Looked:
        """One look, after a pause."""

        async def look() -> _Looked:
            await asyncio.sleep(pause_seconds)
            try:
                # Also for a cancelled call: looking changes nothing, and tells the ledger.
                credential = await self._call.credential(GIST_SCOPE)
                made = await self._call.with_credential(credential, self._find)
            except StateUnavailable:
                raise
            except GistMcpError as error:
                return _Looked(failure=StepFailure.of(error))
            return _Looked(made=made)

        return await self._call.step(alias, look)

    async def _find(self, token: GitHubToken) -> MadeGist | None:
        """The oldest gist that can be the result of this call and that no other call has claimed.

        `None` if there is none for certain. Raises `OutcomeUnknown` if there may be one among the
        gists that could not be read.
        """
        _check_age(self._change.intended_at_seconds)
        since = datetime.fromtimestamp(self._change.intended_at_seconds - CLOCK_SKEW_SECONDS, UTC)
        github = process.services().github
        page = await github.list_gists(token, since=since)
        candidates = [gist for gist in page.gists if self._could_be_ours(gist, since)]
        unreadable = list(page.unreadable)
        for _ in range(LOOK_PAGES - 1):
            if page.next_url is None:
                break
            page = await github.next_page(token, page.next_url)
            candidates += [gist for gist in page.gists if self._could_be_ours(gist, since)]
            unreadable += page.unreadable
        doubts = sum(each.created_at is None or each.created_at >= since for each in unreadable)
        candidates.sort(key=lambda gist: gist.created_at or since)
        # An interrupted look, or the first run of a step that Reboot validates, may have claimed a
        # gist that is not the oldest now. With a second claim another call would lose its gist.
        for candidate in candidates:
            if await self._ledger.has_claimed(candidate.id, self._change.write_id):
                return MadeGist(gist_id=candidate.id, url=candidate.html_url)
        for candidate in candidates:
            is_ours = await self._has_our_files(token, candidate.id)
            # Now, and not when the look began: it may have waited for its owner, or for GitHub.
            _check_age(self._change.intended_at_seconds)
            if is_ours and await self._claim(candidate.id):
                return MadeGist(gist_id=candidate.id, url=candidate.html_url)
            doubts += is_ours is None
        if page.next_url is not None:
            raise OutcomeUnknown("Too many gists were changed since then to look at all of them.")
        if doubts:
            raise OutcomeUnknown(
                "GitHub lists a gist that this server cannot read, and it may be this one."
            )
        return None

    def _could_be_ours(self, gist: Gist, since: datetime) -> bool:
        """Compares what a listing shows: everything but the contents.

        What it does not show counts as equal.
        """
        listed = {file.filename: file.size_bytes for file in gist.files}
        sizes = {name: len(content.encode()) for name, content in self._gist.files.items()}
        return (
            (gist.created_at is None or gist.created_at >= since)
            and gist.owner_id in (None, self._call.running.user_id)
            and (gist.description or "") == self._gist.description
            and gist.public == self._gist.public
            and listed.keys() == sizes.keys()
            and all(listed[name] in (None, size) for name, size in sizes.items())
        )

    async def _has_our_files(self, token: GitHubToken, gist_id: str) -> bool | None:
        """`None` if GitHub does not show every content, and those that it shows are equal."""
        try:
            gist = await process.services().github.get_gist(token, gist_id)
        except NotFound:
            return False
        contents = {file.filename: file.content for file in gist.files}
        if contents.keys() != self._gist.files.keys():
            return False
        if any(contents[name] not in (None, text) for name, text in self._gist.files.items()):
            return False
        return None if None in contents.values() else True

    async def _claim(self, gist_id: str) -> bool:
        write_id = self._change.write_id
        return await self._ledger.claim(gist_id, write_id, now_seconds=now_seconds())


def _check_age(since_seconds: int) -> None:
    """Raises `Conflict` when the ledger may have forgotten since then what was sent or claimed."""
    # A forgotten intent would look like none, and the gist of a forgotten claim like ours.
    if now_seconds() - since_seconds > LEDGER_RETENTION_SECONDS:
        raise Conflict("It was asked for more than a day ago.")
