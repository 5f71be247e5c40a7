"""What a model sees: the results of the tools, as JSON text and as structured content."""

from pydantic import BaseModel, Field

from gist_mcp.github.models import Gist, User

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


class Profile(BaseModel):
    """The caller's profile at GitHub."""

    login: str = Field(description="The account's name at GitHub.")
    name: str | None = Field(description="The person's name, if they show one.")
    bio: str | None = Field(description="What they say of themselves, if anything.")
    public_gists: int = Field(description="How many public gists they have.")
    followers: int = Field(description="How many accounts follow them.")


def listed_gist(gist: Gist) -> ListedGist:
    """One row of a listing."""
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
