"""Asks the person before something is published or deleted, where that is called for.

What calls for it: a text that seems to hold a secret; a delete; and with `PUBLIC_GISTS=ask` all
that becomes public. A client that can ask its person is asked to (`calls/question.py`). Another one
gets an error that says what to show the person, and a token with which the same call goes on.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gist_mcp import process
from gist_mcp.calls.argument_names import shown
from gist_mcp.calls.call import ToolCall
from gist_mcp.calls.question import Answer, ask, can_be_asked
from gist_mcp.changes.confirm_token import Bound, claim_name
from gist_mcp.changes.secret_scan import MAX_FINDINGS, Finding, found_secrets
from gist_mcp.constants import CONFIRM_LIFETIME_SECONDS
from gist_mcp.errors import ConfirmationNeeded, Conflict
from gist_mcp.github.models import Gist, GistFile
from gist_mcp.tokens.grants import account_id

MAX_SHOWN_LINES: Final = 20
"""Files that a question names. Of more it says how many there are."""

LARGE_CHARACTERS: Final = 256 * 1024
"""Texts that are longer together are searched for secrets one change after the other."""

_large_scan: Final = asyncio.Semaphore(1)
"""Held while such texts are searched, which takes a processor for seconds: small ones pass by."""

type Claim = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a call is going to do, as a person decides about it.

    `action`: a sentence without its end, such as "Create a public gist". `is_public`: everybody
    will be able to read it. `always_asks`: it is asked about whatever it holds. `texts`: pairs of a
    name for the place and the text that goes there. `shown`: a line for each file, with its size
    and without its content. `digest`: SHA-256 of the whole content.
    """

    tool: str
    action: str
    is_public: bool
    shown: Sequence[str]
    digest: str
    texts: Sequence[tuple[str, str]] = field(default=(), repr=False)
    always_asks: bool = False


def digest_of(*parts: object) -> str:
    """SHA-256 of the parts, which are JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def named(filename: str) -> str:
    """A file as questions name it."""
    if found_secrets([("", filename)]):
        return "a file with a secret in its name"
    return f"`{shown(filename)}`"


def sized(filename: str, content: str) -> str:
    """A line of `Proposal.shown` for a file."""
    return f"{named(filename)}, {len(content.encode()):,} bytes"


def size_of(file: GistFile) -> str:
    """A line of `Proposal.shown` for a file that is there."""
    size = "size not known" if file.size_bytes is None else f"{file.size_bytes:,} bytes"
    return f"{named(file.filename)}, {size}"


def described(gist: Gist) -> str:
    """A gist as a part of `Proposal.action`."""
    return f"the {'public' if gist.public else 'secret'} gist {gist.html_url}"


def new_texts(files: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """`Proposal.texts` of files, given as names and contents. Names may hold secrets too."""
    listed = list(files)
    names = [("the name of a file", name) for name, _ in listed]
    return [*names, *((named(name), content) for name, content in listed)]


def publishing_is_asked_for() -> bool:
    """True unless what becomes public is published without a question (`PUBLIC_GISTS`)."""
    return process.services().config.public_gists != "allow"


async def holds_secret(texts: Sequence[tuple[str, str]]) -> bool:
    """True if a text seems to hold a secret."""
    return bool(await _findings(texts))


async def _findings(texts: Sequence[tuple[str, str]]) -> Sequence[Finding]:
    if sum(len(text) for _, text in texts) <= LARGE_CHARACTERS:
        return await asyncio.to_thread(found_secrets, texts)
    async with _large_scan:
        return await asyncio.to_thread(found_secrets, texts)


async def approve(call: ToolCall, proposal: Proposal, *, confirm: str, claim: Claim) -> bool:
    """Returns if the change may be made: true if the person has agreed, false if nothing calls for
    a question.

    `confirm` is the call's argument of that name. `claim` is `Look.claim`. Raises `Conflict` for
    what may not be done, or was refused or left unanswered; `ConfirmationNeeded` where the client
    cannot ask; `Cancelled` and `StateUnavailable`.
    """
    policy = process.services().config.public_gists
    if proposal.is_public and policy == "never":
        raise Conflict(
            "This server publishes nothing (PUBLIC_GISTS=never): no public gist, no change or fork "
            "of one, and no comment. Its operator decides that."
        )
    found = await _findings(proposal.texts)
    if not found and not proposal.always_asks and not (proposal.is_public and policy == "ask"):
        return False
    message = _message(proposal, found)
    bound = Bound(
        account=account_id(call.running.issuer, call.running.user_id),
        tool=proposal.tool,
        digest=digest_of(proposal.digest, message),
    )
    if not can_be_asked(call):
        await _check_confirmed(call, bound, message, confirm=confirm, claim=claim)
        return True
    # Under a name of its own for each content: the answer to another question is none to this one.
    answer = await ask(call, f"{message}\n\nShall this be done?", name=f"confirm {bound.digest}")
    if answer is not Answer.ACCEPTED:
        raise Conflict(_REFUSED[answer])
    return True


_REFUSED: Final = {
    Answer.DECLINED: "The person was asked and said no. Do not try it again.",
    Answer.CANCELLED: "The person was asked and did not agree. Do not try it again unless they say "
    "so.",
    Answer.UNANSWERED: "The person was asked and did not answer in time.",
}


async def _check_confirmed(
    call: ToolCall, bound: Bound, message: str, *, confirm: str, claim: Claim
) -> None:
    """Raises `ConfirmationNeeded` unless `confirm` is a token for this that was not used yet."""
    services = process.services()
    reason = "This has to be confirmed."
    if confirm:
        try:
            # When the call began: a call that a restart has held up goes on.
            bound.check(services.sealer, confirm, now_seconds=call.running.begun_at_seconds)
            if await claim(claim_name(confirm)):
                return
            reason = "The confirm token was used already, and each is good for one call."
        except Conflict as refused:
            reason = str(refused)
    token = bound.token(services.sealer, now_seconds=services.clock())
    raise ConfirmationNeeded(
        f"{reason} So far nothing was changed.\n\n{message}\n\n"
        "This client cannot ask the person by itself. Show them the above and ask. Only if they "
        f"agree, call {bound.tool} again with the same arguments and with confirm: {token}\n"
        f"The token is good for this call only, once, for {CONFIRM_LIFETIME_SECONDS // 60} minutes."
    )


def _message(proposal: Proposal, found: Sequence[Finding]) -> str:
    """What the person decides about: names, sizes, and where secrets are. No content."""
    lines = [f"{proposal.action}.", *_shortened(proposal.shown)]
    if found:
        at_least = "at least " if len(found) >= MAX_FINDINGS else ""
        lines += ["", f"It seems to hold secrets ({at_least}{len(found)}):"]
        lines += [f"- {each.place}, line {each.line}: {each.kind}" for each in found]
        if not proposal.is_public:
            lines.append("A secret gist is open to everybody who has its URL.")
    return "\n".join(lines)


def _shortened(shown: Sequence[str]) -> list[str]:
    lines = [f"- {line}" for line in shown[:MAX_SHOWN_LINES]]
    left = len(shown) - MAX_SHOWN_LINES
    return [*lines, f"- and {left} more"] if left > 0 else lines
