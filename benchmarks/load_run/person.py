"""A person with an MCP session, who calls tools; every call is noted."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load_run.client import LoadClient
from benchmarks.load_run.gists import GistCall
from benchmarks.load_run.outcome import Kind, Outcome, Reply
from benchmarks.load_run.schedule import Sample

PROFILE = "get_my_profile"
CREATE = "create_gist"
LIST = "list_my_gists"

_numbers = itertools.count(1)


@dataclass
class Notes:
    """Everything that has ended so far."""

    samples: list[Sample] = field(default_factory=list)
    gist_calls: list[GistCall] = field(default_factory=list)

    def note(self, user_class: str, operation: str, due: float, outcome: Outcome) -> Outcome:
        """Notes a request that was due at `due` and has just ended; returns its outcome."""
        seconds = time.perf_counter() - due
        self.samples.append(Sample(user_class, operation, seconds, outcome))
        return outcome


@dataclass
class Person:
    """Somebody of a class of users, with an account and a session."""

    user_class: str
    login: str
    client: LoadClient
    notes: Notes

    async def open(self, due: float) -> Outcome:
        """Opens the session."""
        return self.note("initialize", due, await self.client.open())

    async def read(self, tool: str, due: float) -> Outcome:
        """Calls a tool that reads and has no arguments."""
        return self.note(tool, due, (await self.client.call(tool, {})).outcome)

    def new_gist(self, *, keyed: bool) -> dict[str, Any]:
        """The arguments for a gist that is like no other; with an idempotency key if `keyed`."""
        description = f"gist {next(_numbers)} of {self.login}"
        arguments = {
            "description": description,
            "filename": "load.md",
            "content": f"# {description}\n",
            "public": False,
        }
        return {**arguments, "idempotency_key": description} if keyed else arguments

    async def create(self, arguments: dict[str, Any], due: float) -> Outcome:
        """Calls `create_gist` once."""
        reply = await self.client.call(CREATE, arguments)
        self._note_gist(arguments["description"], reply)
        return self.note(CREATE, due, reply.outcome)

    async def end(self, due: float) -> Outcome:
        """Ends the session."""
        return self.note("end of the session", due, await self.client.end())

    def note(self, operation: str, due: float, outcome: Outcome) -> Outcome:
        """Notes a request that was due at `due` and has just ended; returns its outcome."""
        return self.notes.note(self.user_class, operation, due, outcome)

    def _note_gist(self, description: str, reply: Reply) -> None:
        is_made = reply.outcome.kind is Kind.DONE
        gist_id = str(reply.result["structuredContent"]["id"]) if is_made else ""
        self.notes.gist_calls.append(GistCall(self.login, description, reply.outcome, gist_id))
