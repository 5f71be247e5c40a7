"""How many questions GitHub was asked in vain: about tokens and codes that may be made up.

One state for the strangers of the whole deployment, and one for each account that is known here.
Which parts there are, and how large they are, is in `gist_mcp.servicers.guess_budget`.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, StateModel, Type, Writer


class PartRecord(BaseModel):
    """One part of a budget: a token bucket."""

    name: str = Field(tag=1, description="Which part it is, for example `plausible`.")
    units: float = Field(
        tag=2,
        description="What was left at that time. A unit is one question out of the 5,000 that "
        "GitHub answers the OAuth App in an hour.",
    )
    updated_at_seconds: float = Field(
        tag=3, description="Unix time up to which new units were added."
    )


class GuessBudgetState(StateModel):
    """The parts from which something was taken."""

    parts: Optional[list[PartRecord]] = Field(
        tag=1,
        default=None,
        description="At most one for each name; one that is not here is full.",
    )


class TakeRequest(BaseModel):
    """GitHub is to be asked about a token or a code."""

    part: str = Field(tag=1)
    cost: float = Field(tag=2)
    now_seconds: float = Field(tag=3)


class TakeResponse(BaseModel):
    """`wait_seconds`: 0 if it was taken, else the time until it could be."""

    wait_seconds: float = Field(tag=1)


class GiveBackRequest(BaseModel):
    """The token or the code was good, or GitHub was not asked after all."""

    part: str = Field(tag=1)
    cost: float = Field(tag=2)
    now_seconds: float = Field(tag=3)


class GiveBackResponse(BaseModel):
    pass


api = API(
    GuessBudget=Type(
        state=GuessBudgetState,
        methods=Methods(
            take=Writer(request=TakeRequest, response=TakeResponse),
            give_back=Writer(request=GiveBackRequest, response=GiveBackResponse),
        ),
    ),
)
