"""The change that comments on a gist.

After a doubt it is looked for by what it is: a comment of this user, made since the intent, with
the same text, that no other call has claimed.
"""

from dataclasses import dataclass
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
LOOK_COMMENT_PAGES = 4
"""Pages of comments, from the newest back, that one look reads at most."""


@dataclass(frozen=True, kw_only=True)
class _NewComments:
    """The user's comments since the intent with this text, oldest first; and whether there may be
    others, which could not be read."""

    found: list[Comment]
    may_be_more: bool


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
        self.gist_id = gist_id
        self._body = body
        self._user_id = user_id
        self._confirm = confirm

    async def approve(self, call: ToolCall, claim: Claim) -> None:
        proposal = Proposal(
            tool="add_gist_comment",
            action=f"Comment on the gist {self.gist_id}, in the person's name",
            # Also on a secret gist: it goes out to whoever follows the gist.
            is_public=True,
            texts=[("body", self._body)],
            shown=[f"a text of {len(self._body.encode()):,} bytes"],
            digest=digest_of(self.gist_id, self._body),
        )
        await approve(call, proposal, confirm=self._confirm, claim=claim)

    def changed_gist(self, made: Made) -> str:
        # The id of what was made is the comment's.
        return self.gist_id

    def claim_name(self, made: Made) -> str:
        return _claim_name(made.id)

    async def prepare(self, token: GitHubToken) -> str:
        gist = await process.services().github.get_gist(token, self.gist_id)
        return gist.html_url

    async def send(self, token: GitHubToken, note: str) -> Made:
        github = process.services().github
        comment = await github.create_comment(token, self.gist_id, self._body)
        return _made(comment, note)

    async def look(self, look: Look) -> Made | None:
        """The oldest comment that can be the result of this call and that no other call has.

        Raises `OutcomeUnknown` if there may be one among the comments that could not be read.
        """
        gist = await process.services().github.get_gist(look.token, self.gist_id)
        new = await self._new_comments(look, gist.comments or 0)
        # An interrupted look may have claimed one that is not the oldest now. With a second claim
        # another call would lose its comment.
        for comment in new.found:
            if await look.has_claimed(_claim_name(str(comment.id))):
                return _made(comment, gist.html_url)
        for comment in new.found:
            if await look.claim(_claim_name(str(comment.id))):
                return _made(comment, gist.html_url)
        if new.may_be_more:
            raise OutcomeUnknown(
                "GitHub lists comments that this server cannot read, or too many new ones."
            )
        return None

    async def _new_comments(self, look: Look, number_of_comments: int) -> _NewComments:
        """GitHub lists the oldest first, so this reads from the last page back."""
        github = process.services().github
        last_page = max(1, -(-number_of_comments // COMMENTS_PER_PAGE))
        found: dict[int, Comment] = {}
        may_be_more = False
        # One page more than there were when the number was counted.
        first_read = last_page + 1
        for number in range(first_read, max(0, first_read - LOOK_COMMENT_PAGES), -1):
            page = await github.list_comments(
                look.token, self.gist_id, per_page=COMMENTS_PER_PAGE, page=number
            )
            may_be_more |= page.unreadable > 0 or (number == first_read and bool(page.next_url))
            may_be_more |= any(self._is_unclear(each, look) for each in page.items)
            # A page may shift while others are deleted, and show the same comment again.
            found |= {each.id: each for each in page.items if self._could_be_ours(each, look)}
            if number == 1 or any(_is_older(each, look) for each in page.items):
                break
        else:
            may_be_more = True
        return _NewComments(found=[found[each] for each in sorted(found)], may_be_more=may_be_more)

    def _could_be_ours(self, comment: Comment, look: Look) -> bool:
        is_same = comment.body is not None and _trimmed(comment.body) == _trimmed(self._body)
        return is_same and comment.user_id == self._user_id and not _is_older(comment, look)

    def _is_unclear(self, comment: Comment, look: Look) -> bool:
        """True for a new comment of which GitHub does not say enough."""
        says_enough = comment.user_id is not None and comment.body is not None
        return comment.user_id in (None, self._user_id) and not (
            says_enough or _is_older(comment, look)
        )


def _is_older(comment: Comment, look: Look) -> bool:
    return comment.created_at is not None and comment.created_at < look.since


def _trimmed(text: str) -> str:
    # GitHub is not known to keep the ends of lines and the white space around a text as they came.
    return text.replace("\r\n", "\n").strip()


def _claim_name(comment_id: str) -> str:
    return f"comment-{comment_id}"


def _made(comment: Comment, gist_url: str) -> Made:
    return Made(id=str(comment.id), url=f"{gist_url}#gistcomment-{comment.id}")
