"""The change that comments on a gist.

After a doubt it is looked for by what it is: a comment of this user, made since the intent, with
the same text, that no other call has claimed.
"""

from typing import ClassVar

from gist_mcp import process
from gist_mcp.calls.call import ToolCall
from gist_mcp.changes.approval import Claim, Proposal, approve, digest_of
from gist_mcp.changes.work import Look, Made, Words, Work
from gist_mcp.errors import OutcomeUnknown
from gist_mcp.github.credential import GitHubToken
from gist_mcp.github.models import Comment
from gist_mcp.principal import GitHubUserId

COMMENTS_PER_PAGE = 100
LOOK_COMMENT_PAGES = 3
"""Pages of 100 comments, from the newest back, that one look reads at most."""


class AddComment(Work):
    """`user_id`: whose comment it is to be. `confirm`: the call's argument of that name."""

    words: ClassVar[Words] = Words(
        not_made="The comment was not made.",
        made="The comment was made: {url}.",
        unknown="It is not known whether the comment was made",
        advice="Look at list_gist_comments before calling again.",
    )

    def __init__(
        self, gist_id: str, body: str, *, user_id: GitHubUserId, confirm: str = ""
    ) -> None:
        self._gist_id = gist_id
        self._body = body
        self._user_id = user_id
        self._confirm = confirm

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        proposal = Proposal(
            tool="add_gist_comment",
            action=f"Comment on the gist {self._gist_id}, in the person's name",
            # Also on a secret gist: it goes out to whoever follows the gist.
            is_public=True,
            texts=[("body", self._body)],
            shown=[f"a text of {len(self._body.encode()):,} bytes"],
            digest=digest_of(self._gist_id, self._body),
        )
        await approve(call, proposal, confirm=self._confirm, claim=claim)

    def claim_name(self, made: Made) -> str:
        return _claim_name(made.id)

    async def prepare(self, token: GitHubToken) -> str:
        gist = await process.services().github.get_gist(token, self._gist_id)
        return gist.html_url

    async def send(self, token: GitHubToken, note: str) -> Made:
        github = process.services().github
        comment = await github.create_comment(token, self._gist_id, self._body)
        return _made(comment, note)

    async def look(self, look: Look) -> Made | None:
        github = process.services().github
        gist = await github.get_gist(look.token, self._gist_id)
        last_page = max(1, -(-(gist.comments or 0) // COMMENTS_PER_PAGE))
        candidates: list[Comment] = []
        unreadable = 0
        # One page more than there were when the number was counted.
        for number in range(last_page + 1, max(0, last_page - LOOK_COMMENT_PAGES), -1):
            page = await github.list_comments(look.token, self._gist_id, page=number)
            unreadable += page.unreadable
            candidates += [each for each in page.items if self._could_be_ours(each, look)]
            if any(each.created_at and each.created_at < look.since for each in page.items):
                break
        candidates.sort(key=lambda each: each.id)
        for candidate in candidates:
            if await look.has_claimed(_claim_name(str(candidate.id))):
                return _made(candidate, gist.html_url)
        for candidate in candidates:
            if await look.claim(_claim_name(str(candidate.id))):
                return _made(candidate, gist.html_url)
        if unreadable:
            raise OutcomeUnknown("GitHub lists a comment that this server cannot read.")
        return None

    def _could_be_ours(self, comment: Comment, look: Look) -> bool:
        is_new = comment.created_at is None or comment.created_at >= look.since
        return is_new and comment.user_id == self._user_id and comment.body == self._body


def _claim_name(comment_id: str) -> str:
    return f"comment-{comment_id}"


def _made(comment: Comment, gist_url: str) -> Made:
    return Made(id=str(comment.id), url=f"{gist_url}#gistcomment-{comment.id}")
