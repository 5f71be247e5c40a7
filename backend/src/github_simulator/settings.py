"""What a test or the command line can switch while the simulator runs."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from github_simulator.products import INITIAL_SWITCHES, ProductName


class Settings(BaseModel):
    """Switches of the running simulator, each with GitHub's behaviour as its default.

    Two defaults are choices: `expiring_tokens` is off, as for OAuth Apps registered before
    August 2026, and the failed-login limit, whose numbers GitHub does not publish.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    product: ProductName = "github.com"
    """Which product of GitHub's this is. `of` gives the switches that go with it."""

    clock_offset_seconds: float = 0.0

    expiring_tokens: bool = False
    """The app's setting "Expire user access tokens"."""

    app_suspended: bool = False
    """Authorization requests are redirected with `application_suspended`."""

    send_iss: bool = True
    """`iss` in authorization responses (RFC 9207)."""

    wildcard_redirects: bool = False
    """Wildcard matching of callback URLs; exact when off."""

    redirect_on_mismatch: bool = False
    """The documented redirect with `redirect_uri_mismatch`, instead of the page seen in use."""

    list_lag_seconds: float = Field(default=0.0, ge=0)
    """A gist created from now on is missing from its owner's list for so long."""

    list_lag_listings: int = Field(default=0, ge=0)
    """... and from so many answers of the list; each page is an answer."""

    rate_limits: bool = True
    """False: as on GitHub Enterprise Server, where limits are off unless switched on."""

    tokens_per_scope_set: int | None = Field(default=10, ge=1)
    """So many live tokens of a user for an app and a set of scopes; of more, GitHub revokes one.
    `None`: no limit, for tests that share a world and would revoke each other's."""

    user_rate_limit: int = Field(default=5000, ge=1)
    app_rate_limit: int = Field(default=5000, ge=1)
    anonymous_rate_limit: int = Field(default=60, ge=1)

    content_creations_per_minute: int | None = Field(default=None, ge=1)
    """Secondary limit on writes; GitHub's is 80. Off, like the next three, so that benchmarks and
    tests of other things need no switch."""

    content_creations_per_hour: int | None = Field(default=None, ge=1)
    """GitHub's is 500."""

    points_per_minute: int | None = Field(default=None, ge=1)
    """A read is 1 point, a write 5; GitHub's limit is 900."""

    requests_at_once: int | None = Field(default=None, ge=1)
    """GitHub's limit is 100."""

    secondary_limit_status: Literal[403, 429] = 403
    """GitHub documents both."""

    secondary_retry_after_seconds: int | None = Field(default=60, ge=0)
    """`Retry-After` of a secondary limit; `None`: GitHub does not always send it."""

    answer_seconds: float = Field(default=0.0, ge=0, le=10)
    """How long each answer of the API takes, beyond what it takes to make it."""

    failed_login_limit: int | None = Field(default=100, ge=1)
    """So many bad tokens within the window lock every login out for its length; None: never."""

    failed_login_window_seconds: float = Field(default=300.0, gt=0)

    @classmethod
    def of(cls, product: ProductName, **switches: bool) -> Self:
        """As that product comes, with these switches otherwise."""
        return cls.model_validate({"product": product, **INITIAL_SWITCHES[product], **switches})
