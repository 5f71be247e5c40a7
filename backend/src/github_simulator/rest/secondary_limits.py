"""GitHub's secondary limits: what one user may do within a minute, an hour, and at once.

They are off unless a setting gives a number. None can be seen before it is reached.
"""

from github_simulator.rest.answers import ApiError
from github_simulator.settings import Settings
from github_simulator.simulator import Simulator

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3600.0
READ_POINTS = 1
WRITE_POINTS = 5

TOO_MUCH = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
TOO_MUCH_CONTENT = (
    "You have exceeded a secondary rate limit and have been temporarily blocked from content "
    "creation. Please retry your request again later."
)


def check(
    simulator: Simulator, user_id: int, *, writes: bool, creates_content: bool, at_once: int
) -> None:
    """Counts a request of a user. Raises `ApiError` beyond a limit."""
    settings, limits, now = simulator.settings, simulator.limits, simulator.clock.now()
    if settings.requests_at_once is not None and at_once > settings.requests_at_once:
        raise _refusal(settings, TOO_MUCH)
    points = WRITE_POINTS if writes else READ_POINTS
    minute = settings.points_per_minute
    what = f"points of {user_id}"
    if minute is not None and not limits.may_spend(what, minute, MINUTE_SECONDS, now, cost=points):
        raise _refusal(settings, TOO_MUCH)
    if not creates_content:
        return
    for limit, seconds in (
        (settings.content_creations_per_minute, MINUTE_SECONDS),
        (settings.content_creations_per_hour, HOUR_SECONDS),
    ):
        what = f"creations of {user_id} in {seconds:g} s"
        if limit is not None and not limits.may_spend(what, limit, seconds, now):
            raise _refusal(settings, TOO_MUCH_CONTENT)


def _refusal(settings: Settings, message: str) -> ApiError:
    wait_seconds = settings.secondary_retry_after_seconds
    headers = {} if wait_seconds is None else {"retry-after": str(wait_seconds)}
    return ApiError(settings.secondary_limit_status, message).with_headers(headers)
