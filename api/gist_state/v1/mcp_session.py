"""Who owns an MCP session, and the tool calls that run in it.

One state for each session; its id is the session id. A call is recorded and its workflow `run_call`
begins in one atomic write, so there is no record without a workflow and no workflow without a
record. No credential is in here.
"""

from typing import Optional

from pydantic import BaseModel
from reboot.api import API, Field, Methods, Reader, StateModel, Type, Workflow, Writer


class Question(BaseModel):
    """A question to the person, which the client is to show (MCP, elicitation)."""

    question_id: str = Field(
        tag=1, description="The JSON-RPC id that the question is sent with: 128 random bits."
    )
    name: str = Field(tag=2, description="What the tool calls the question, to find it again.")
    message: str = Field(
        tag=3, description="What the person is asked. Emptied when there is an answer."
    )
    asked_at_seconds: int = Field(tag=4, description="Unix time at which it was recorded.")
    answer: Optional[str] = Field(
        tag=5,
        default=None,
        description="`accepted`, `declined`, `cancelled` or `unanswered`: the first one counts.",
    )


class RequestRecord(BaseModel):
    """One tool call whose response was not sent yet. `request_id` is ours: an id that a client
    chose may come again."""

    request_id: str = Field(
        tag=1, description="Id of the call's workflow, in hexadecimal; part of its event ids."
    )
    wire_id: str = Field(
        tag=2, description='The JSON-RPC id that the client gave it, as JSON: `1` is not `"1"`.'
    )
    digest: str = Field(
        tag=3, description="SHA-256 of the tool's name and arguments, to tell a repeated request."
    )
    is_answered: bool = Field(
        tag=4, description="Written by older releases: the response was sent."
    )
    runner: Optional[str] = Field(
        tag=5, default=None, description="Written by older releases: id of the call's workflow."
    )
    begun_at_seconds: Optional[int] = Field(
        tag=6, default=None, description="Unix time at which it came. Unset by older releases."
    )
    is_cancelled: Optional[bool] = Field(
        tag=7, default=None, description="True once the client has cancelled it."
    )
    progress: Optional[str] = Field(
        tag=8, default=None, description="The last progress notification, as JSON, to send again."
    )
    checkpoint: Optional[str] = Field(
        tag=9,
        default=None,
        description="How far a search has come, as JSON, to go on after a restart: digests of "
        "gist ids and times, and numbers of files and lines. Emptied when the search ends.",
    )
    questions: Optional[list[Question]] = Field(
        tag=10, default=None, description="What the person was asked for the call."
    )


class KeptCall(BaseModel):
    """A call whose response was sent, and whose arguments and result are still kept."""

    request_id: str = Field(tag=1, description="As in `RequestRecord`.")
    begun_at_seconds: int = Field(tag=2, description="Unix time at which the call came.")


class EarlyCancel(BaseModel):
    """A cancellation that overtook its call on the way here."""

    wire_id: str = Field(tag=1, description="The JSON-RPC id of the call, as in `RequestRecord`.")
    at_seconds: int = Field(tag=2, description="Unix time at which it came.")


class McpSessionState(StateModel):
    """Empty until `open`."""

    issuer: Optional[str] = Field(
        tag=1, default=None, description="GitHub's web address, whose account ids these are."
    )
    owner_user_id: Optional[int] = Field(
        tag=2, default=None, description="GitHub's numeric id of the account that owns the session."
    )
    client_id: Optional[str] = Field(
        tag=3, default=None, description="The OAuth client that opened it. For audits; public."
    )
    opened_at_seconds: Optional[int] = Field(
        tag=4, default=None, description="Unix time of `open`."
    )
    closed_at_seconds: Optional[int] = Field(
        tag=5, default=None, description="Unix time of `close`; unset while the session lives."
    )
    cancelled_request_ids: Optional[list[str]] = Field(
        tag=6,
        default=None,
        description="Written by older releases: ids of calls that the client cancelled.",
    )
    requests: Optional[list[RequestRecord]] = Field(
        tag=7, default=None, description="The calls whose response was not sent yet."
    )
    early_cancels: Optional[list[EarlyCancel]] = Field(
        tag=8, default=None, description="Cancellations of calls that have not come yet."
    )
    client_name: Optional[str] = Field(
        tag=9, default=None, description="What the MCP client calls itself, cut at 200 characters."
    )
    protocol_version: Optional[str] = Field(
        tag=10, default=None, description="The MCP version that was agreed on."
    )
    kept_calls: Optional[list[KeptCall]] = Field(
        tag=11, default=None, description="The last answered calls, oldest first."
    )
    can_be_asked: Optional[bool] = Field(
        tag=12,
        default=None,
        description="True if the client shows questions to its person (MCP, elicitation).",
    )


class OpenRequest(BaseModel):
    issuer: str = Field(tag=1)
    user_id: int = Field(tag=2)
    client_id: str = Field(tag=3)
    now_seconds: int = Field(tag=4)
    client_name: Optional[str] = Field(tag=5, default=None)
    protocol_version: Optional[str] = Field(tag=6, default=None)
    can_be_asked: Optional[bool] = Field(tag=7, default=None)


class OpenResponse(BaseModel):
    opened: bool = Field(tag=1)


class CloseRequest(BaseModel):
    """`only_if_idle`: leaves the session open if a call waits in it for its response to be sent,
    other than those of `ended_ids`, whose workflows are known to have ended."""

    now_seconds: int = Field(tag=1)
    only_if_idle: Optional[bool] = Field(tag=2, default=None)
    ended_ids: Optional[list[str]] = Field(tag=3, default=None)


class CloseResponse(BaseModel):
    """`closed` is false if the session had ended before, or stays open for its `waiting_ids`."""

    closed: bool = Field(tag=1)
    waiting_ids: Optional[list[str]] = Field(tag=2, default=None)


class CancelRequest(BaseModel):
    """`wire_id`: the JSON-RPC id of the call, as JSON."""

    wire_id: str = Field(tag=1)
    now_seconds: int = Field(tag=2)


class CancelResponse(BaseModel):
    """`cancelled`: there was a call. `request_ids` are the calls that are meant."""

    cancelled: bool = Field(tag=1)
    request_ids: list[str] = Field(tag=2)


class BeginCallRequest(BaseModel):
    """A call of the tool `name`. `request_id`: what the call is named if it is new.

    `may_repeat`: whether a call of the same id and digest that waits for its response is this one.
    `answered_ids`: calls whose response was sent meanwhile. The rest is as in `RunCallRequest`.
    """

    request_id: str = Field(tag=1)
    wire_id: str = Field(tag=2)
    digest: str = Field(tag=3)
    may_repeat: bool = Field(tag=4)
    now_seconds: int = Field(tag=5)
    name: str = Field(tag=6)
    arguments: str = Field(tag=7)
    progress_token: Optional[str] = Field(tag=8, default=None)
    login: str = Field(tag=9)
    answered_ids: list[str] = Field(tag=10)
    can_be_asked: Optional[bool] = Field(tag=11, default=None)


class BeginCallResponse(BaseModel):
    """`request_id` is another than the given one where `is_repeat`, and empty where the session
    is not live: then nothing has begun."""

    request_id: str = Field(tag=1)
    is_repeat: bool = Field(tag=2)


class AdoptCallRequest(BaseModel):
    """A call that an older release began. `runner` is the id of its workflow there."""

    request_id: str = Field(tag=1)
    runner: str = Field(tag=2)
    name: str = Field(tag=3)
    arguments: str = Field(tag=4)
    login: str = Field(tag=5)
    now_seconds: int = Field(tag=6)


class AdoptCallResponse(BaseModel):
    pass


class RunCallRequest(BaseModel):
    """`arguments` and `progress_token` are JSON. `login` is for showing only.

    `runner`: set for a call of an older release, the id of its workflow there. `can_be_asked`: true
    if its client shows questions, and takes the event stream on which they are sent.
    """

    name: str = Field(tag=1)
    arguments: str = Field(tag=2)
    wire_id: str = Field(tag=3)
    progress_token: Optional[str] = Field(tag=4, default=None)
    login: str = Field(tag=5)
    begun_at_seconds: int = Field(tag=6)
    runner: Optional[str] = Field(tag=7, default=None)
    can_be_asked: Optional[bool] = Field(tag=8, default=None)


class RunCallResponse(BaseModel):
    """`message`: the JSON-RPC response, as JSON. Unset once it is not kept any more.

    `session_id`: whose response it is.
    """

    message: Optional[str] = Field(tag=1, default=None)
    session_id: Optional[str] = Field(tag=2, default=None)


class NoteProgressRequest(BaseModel):
    request_id: str = Field(tag=1)
    progress: str = Field(tag=2)


class NoteProgressResponse(BaseModel):
    pass


class NoteCheckpointRequest(BaseModel):
    """`checkpoint`: as in `RequestRecord`."""

    request_id: str = Field(tag=1)
    checkpoint: str = Field(tag=2)


class NoteCheckpointResponse(BaseModel):
    pass


class AskQuestionRequest(BaseModel):
    """Asks the person of the call `request_id` what its tool calls `name`.

    `question_id`: the id of the question if the call has none of that name yet.
    """

    request_id: str = Field(tag=1)
    name: str = Field(tag=2)
    question_id: str = Field(tag=3)
    message: str = Field(tag=4)
    now_seconds: int = Field(tag=5)


class AskQuestionResponse(BaseModel):
    """`question`: the call's question of that name; unset if the call is not known any more."""

    question: Optional[Question] = Field(tag=1, default=None)


class AnswerQuestionRequest(BaseModel):
    """`answer` as in `Question`."""

    question_id: str = Field(tag=1)
    answer: str = Field(tag=2)


class AnswerQuestionResponse(BaseModel):
    """`answer`: the one that counts. Both are empty if the question is not known."""

    request_id: str = Field(tag=1)
    answer: str = Field(tag=2)


class QuestionRequest(BaseModel):
    question_id: str = Field(tag=1)


class QuestionResponse(BaseModel):
    """`answer` is unset while there is none. `is_known` is false for a question of no call whose
    response waits to be sent."""

    is_known: bool = Field(tag=1)
    answer: Optional[str] = Field(tag=2, default=None)


class CallRequest(BaseModel):
    request_id: str = Field(tag=1)


class CallResponse(BaseModel):
    """A call whose response was not sent yet; `is_known` is false for every other."""

    is_known: bool = Field(tag=1)
    wire_id: str = Field(tag=2)
    progress: Optional[str] = Field(tag=3, default=None)
    is_of_this_release: bool = Field(tag=4)


class FindCallRequest(BaseModel):
    """`wire_id` and `digest` as in `BeginCallRequest`."""

    wire_id: str = Field(tag=1)
    digest: str = Field(tag=2)


class FindCallResponse(BaseModel):
    """The call that such a request would repeat; empty if it would be a new one."""

    request_id: str = Field(tag=1)


class NoteAnsweredRequest(BaseModel):
    request_ids: list[str] = Field(tag=1)


class NoteAnsweredResponse(BaseModel):
    pass


class OldCallsRequest(BaseModel):
    """`before_seconds`: calls that came before that Unix time are old, answered or not.

    `includes_untimed`: so are calls of older releases, whose time is not known.
    """

    before_seconds: int = Field(tag=1)
    includes_untimed: bool = Field(tag=2)


class OldCallsResponse(BaseModel):
    """`issuer` and `user_id`: whose session it is, empty and 0 for one that nobody has opened."""

    request_ids: list[str] = Field(tag=1)
    issuer: str = Field(tag=2)
    user_id: int = Field(tag=3)


class ForgetCallsRequest(BaseModel):
    request_ids: list[str] = Field(tag=1)


class ForgetCallsResponse(BaseModel):
    pass


class OwnerResponse(BaseModel):
    """`alive` is false for a session that was never opened or is closed. `issuer` is empty for
    one that was never opened. `waiting_ids` are the calls whose response was not sent yet."""

    alive: bool = Field(tag=1)
    issuer: str = Field(tag=2)
    user_id: int = Field(tag=3)
    cancelled_request_ids: list[str] = Field(tag=4)
    client_name: str = Field(tag=5)
    protocol_version: str = Field(tag=6)
    waiting_ids: list[str] = Field(tag=7)
    can_be_asked: Optional[bool] = Field(tag=8, default=None)


# Reboot refuses a release that takes a method away from a state. Nobody calls these any more.


class BeginRequestRequest(BaseModel):
    request_id: str = Field(tag=1)
    wire_id: str = Field(tag=2)
    digest: str = Field(tag=3)
    may_repeat: bool = Field(tag=4)
    now_seconds: int = Field(tag=5)


class BeginRequestResponse(BaseModel):
    request_id: str = Field(tag=1)
    is_repeat: bool = Field(tag=2)


class CarryOutRequest(BaseModel):
    request_id: str = Field(tag=1)
    runner: str = Field(tag=2)


class CarryOutResponse(BaseModel):
    granted: bool = Field(tag=1)


class AnsweredRequest(BaseModel):
    request_id: str = Field(tag=1)


class AnsweredResponse(BaseModel):
    pass


class WireIdRequest(BaseModel):
    request_id: str = Field(tag=1)


class WireIdResponse(BaseModel):
    wire_id: str = Field(tag=1)


api = API(
    McpSession=Type(
        state=McpSessionState,
        methods=Methods(
            open=Writer(request=OpenRequest, response=OpenResponse),
            close=Writer(request=CloseRequest, response=CloseResponse),
            cancel=Writer(request=CancelRequest, response=CancelResponse),
            begin_call=Writer(request=BeginCallRequest, response=BeginCallResponse),
            adopt_call=Writer(request=AdoptCallRequest, response=AdoptCallResponse),
            run_call=Workflow(request=RunCallRequest, response=RunCallResponse),
            note_progress=Writer(request=NoteProgressRequest, response=NoteProgressResponse),
            note_checkpoint=Writer(request=NoteCheckpointRequest, response=NoteCheckpointResponse),
            ask_question=Writer(request=AskQuestionRequest, response=AskQuestionResponse),
            answer_question=Writer(request=AnswerQuestionRequest, response=AnswerQuestionResponse),
            question=Reader(request=QuestionRequest, response=QuestionResponse),
            note_answered=Writer(request=NoteAnsweredRequest, response=NoteAnsweredResponse),
            call=Reader(request=CallRequest, response=CallResponse),
            find_call=Reader(request=FindCallRequest, response=FindCallResponse),
            old_calls=Reader(request=OldCallsRequest, response=OldCallsResponse),
            forget_calls=Writer(request=ForgetCallsRequest, response=ForgetCallsResponse),
            owner=Reader(request=None, response=OwnerResponse),
            # Of older releases, see above.
            begin_request=Writer(request=BeginRequestRequest, response=BeginRequestResponse),
            carry_out=Writer(request=CarryOutRequest, response=CarryOutResponse),
            answered=Writer(request=AnsweredRequest, response=AnsweredResponse),
            wire_id=Reader(request=WireIdRequest, response=WireIdResponse),
        ),
    ),
)
