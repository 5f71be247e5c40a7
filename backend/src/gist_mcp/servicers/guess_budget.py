"""The only writer of `GuessBudget`: each step decides and writes atomically.

Anybody can send made-up tokens and codes, and GitHub answers an OAuth App 5,000 questions and 2,000
token requests an hour, for all of its users together. So what is asked in vain is limited, over all
server processes and over restarts. A unit is taken before GitHub is asked, and given back when the
token or the code was good.
"""

from collections.abc import Sequence
from typing import Final

from reboot.aio.contexts import WriterContext

from gist_mcp import token_bucket
from gist_mcp.servicers.authorizers import front_door_only
from gist_mcp.token_bucket import Bucket, Rate
from gist_state.v1.guess_budget import PartRecord
from gist_state.v1.guess_budget_rbt import GuessBudget

STRANGERS_ID: Final = "strangers"
"""The id of the one state of all strangers, and of all who are known together."""

PLAUSIBLE: Final = "plausible"
IMPLAUSIBLE: Final = "implausible"
NEWCOMERS: Final = "newcomers"
KNOWN: Final = "known"
ACCOUNT: Final = "account"

TOKEN_COST: Final = 1.0
CODE_COST: Final = 2.5
"""5,000 questions about tokens and 2,000 token requests an hour: so a tenth of one budget is a
tenth of the other."""

_HOUR_SECONDS: Final = 3600

RATES: Final = {
    # Together 500 in any hour, a tenth of the app's: bursts included.
    PLAUSIBLE: Rate(burst=100, per_second=210 / _HOUR_SECONDS),
    # What looks plausible, once that is used up, from an address that has asked nothing in vain.
    NEWCOMERS: Rate(burst=30, per_second=60 / _HOUR_SECONDS),
    IMPLAUSIBLE: Rate(burst=25, per_second=75 / _HOUR_SECONDS),
    # Who names a live session or has signed in here before. Nobody's flood of tokens reaches it.
    KNOWN: Rate(burst=250, per_second=750 / _HOUR_SECONDS),
    # Of each account that is known: 40 sign-ins at once, and 40 more an hour.
    ACCOUNT: Rate(burst=100, per_second=100 / _HOUR_SECONDS),
}
"""The parts of a budget, in units."""


def account_state_id(account: str) -> str:
    """The id of the state of one account; `account` is `tokens.grants.account_id`."""
    return f"account-{account}"


class GuessBudgetServicer(GuessBudget.Servicer):
    """The parts of one budget."""

    def authorizer(self):  # type: ignore[no-untyped-def]
        return front_door_only()

    async def take(
        self, context: WriterContext, request: GuessBudget.TakeRequest
    ) -> GuessBudget.TakeResponse:
        """Takes `cost` units, or none and says how long to wait."""
        rate = RATES[request.part]
        bucket = self._bucket(request.part, request.now_seconds)
        wait_seconds = token_bucket.wait_seconds(bucket, rate, cost=request.cost)
        if not wait_seconds:
            self._keep(request.part, token_bucket.less(bucket, cost=request.cost))
        return GuessBudget.TakeResponse(wait_seconds=wait_seconds)

    async def give_back(
        self, context: WriterContext, request: GuessBudget.GiveBackRequest
    ) -> GuessBudget.GiveBackResponse:
        """Undoes one `take`."""
        rate = RATES[request.part]
        bucket = self._bucket(request.part, request.now_seconds)
        self._keep(request.part, token_bucket.given_back(bucket, rate, cost=request.cost))
        return GuessBudget.GiveBackResponse()

    def _bucket(self, part: str, now_seconds: float) -> Bucket:
        record = find(self.state.parts or [], part)
        if record is None:
            return token_bucket.full(RATES[part], now_seconds=now_seconds)
        kept = Bucket(units=record.units, updated_at_seconds=record.updated_at_seconds)
        return token_bucket.refilled(kept, RATES[part], now_seconds=now_seconds)

    def _keep(self, part: str, bucket: Bucket) -> None:
        others = [each for each in self.state.parts or [] if each.name != part]
        record = PartRecord(
            name=part, units=bucket.units, updated_at_seconds=bucket.updated_at_seconds
        )
        self.state.parts = [*others, record]


def find(records: Sequence[PartRecord], part: str) -> PartRecord | None:
    """The record of this part, if something was ever taken from it."""
    return next((each for each in records if each.name == part), None)
