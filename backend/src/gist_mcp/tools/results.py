"""The results of the tools, which a model gets as JSON text and as structured content."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from gist_mcp.github.models import Gist, GistPage, User

LISTED_GISTS = 10
"""How many gists `list_my_gists` shows, as in the tutorial."""


class CreatedGist(BaseModel):
    """A gist that now exists at GitHub."""

    id: str = Field(description="The gist's id.")
    url: str = Field(description="The gist's page at GitHub.")
    created_by: str = Field(description="Login of the account that owns the gist.")
    public: bool = Field(description="False for a secret gist: unlisted, but open by its URL.")
    files: list[str] = Field(description="Names of the files.")


class ListedGist(BaseModel):
    """One gist of a listing."""

    id: str
    description: str | None
    url: str
    public: bool
    files: list[str]


class GistList(BaseModel):
    """The caller's gists, newest first."""

    count: int = Field(description="How many gists the caller has.")
    gists: list[ListedGist] = Field(description=f"The first {LISTED_GISTS} of them.")
    left_out: int = Field(
        default=0,
        description="How many of them could not be read and are not listed.",
    )
    note: str | None = Field(default=None, description="What may be missing here, and why.")


class Profile(BaseModel):
    """The caller's profile at GitHub."""

    login: str = Field(description="The account's name at GitHub.")
    name: str | None = Field(description="The person's name, if they show one.")
    bio: str | None = Field(description="What they say of themselves, if anything.")
    public_gists: int | None = Field(description="How many public gists they have.")
    followers: int | None = Field(description="How many accounts follow them.")


def gist_list(pages: Sequence[GistPage]) -> GistList:
    """A listing from its pages, in their order."""
    gists = [gist for page in pages for gist in page.gists]
    left_out = sum(len(page.unreadable) for page in pages)
    notes = []
    if left_out:
        notes.append(
            f"{left_out} of the gists came from GitHub in a form that this server cannot read; "
            "they are counted, but not listed."
        )
    is_unsaid = all(page.scopes is None for page in pages)
    if is_unsaid and all(gist.public for gist in gists):
        notes.append(
            "GitHub does not say whether this token may see secret gists. If it may not, there "
            "may be secret gists that are neither counted nor listed."
        )
    return GistList(
        count=len(gists) + left_out,
        gists=[_listed_gist(gist) for gist in gists[:LISTED_GISTS]],
        left_out=left_out,
        note=" ".join(notes) or None,
    )


def _listed_gist(gist: Gist) -> ListedGist:
    return ListedGist(
        id=gist.id,
        description=gist.description,
        url=gist.html_url,
        public=gist.public,
        files=[file.filename for file in gist.files],
    )


def profile(user: User) -> Profile:
    """The part of a profile that the tool shows."""
    return Profile(
        login=user.login,
        name=user.name,
        bio=user.bio,
        public_gists=user.public_gists,
        followers=user.followers,
    )
