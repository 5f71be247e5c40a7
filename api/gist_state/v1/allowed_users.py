"""Which account each login in `ALLOWED_USERS` stands for: one state for the deployment.

A login can change hands, an account's id cannot. So a login is looked up once, and what was found
stays for as long as the login is in the setting. All of it is public at GitHub, and it says who may
use this server.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, StateModel, Type, Writer


class AllowedUserRecord(BaseModel):
    """One login that was looked up."""

    login: str = Field(tag=1, description="The login in `ALLOWED_USERS`, in lower case.")
    user_id: Optional[int] = Field(
        tag=2,
        default=None,
        description="GitHub's numeric id of the account that had the login then; unset if the "
        "login was nobody's.",
    )
    resolved_at_seconds: int = Field(tag=3, description="Unix time at which it was recorded.")


class AllowedUsersState(StateModel):
    """The logins in `ALLOWED_USERS`. Ids in the setting are not here."""

    issuer: Optional[str] = Field(
        tag=1, default=None, description="GitHub's web address, whose account ids these are."
    )
    incarnation: Optional[str] = Field(
        tag=2,
        default=None,
        description="Random name of the run of the application that has dropped what is not in its "
        "setting. Not a secret.",
    )
    records: Optional[list[AllowedUserRecord]] = Field(
        tag=3, default=None, description="The logins that were looked up, in no order."
    )


class BeginRequest(BaseModel):
    """A process has started with this setting."""

    issuer: str = Field(tag=1, description="See `AllowedUsersState.issuer`.")
    incarnation: str = Field(tag=2, description="The run of the application.")
    logins: list[str] = Field(tag=3, description="The logins in the setting, in lower case.")


class BeginResponse(BaseModel):
    records: list[AllowedUserRecord] = Field(tag=1, description="What is known of these logins.")


class RecordRequest(BaseModel):
    """GitHub has said whose login it is."""

    login: str = Field(tag=1, description="See `AllowedUserRecord.login`.")
    user_id: Optional[int] = Field(
        tag=2, default=None, description="See `AllowedUserRecord.user_id`."
    )
    now_seconds: int = Field(tag=3, description="Unix time at the caller.")


class RecordResponse(BaseModel):
    """What is on record now: the first answer, whatever this one was."""

    user_id: Optional[int] = Field(
        tag=1, default=None, description="See `AllowedUserRecord.user_id`."
    )


api = API(
    AllowedUsers=Type(
        state=AllowedUsersState,
        methods=Methods(
            begin=Writer(request=BeginRequest, response=BeginResponse),
            record=Writer(request=RecordRequest, response=RecordResponse),
        ),
    ),
)
