"""A `create_gist` call in a process of its own, with an SDK that we did not write."""

import contextlib
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests.durability.stage import Player
from tests.mcp_clients.programs import Program, node_program, python_program
from tests.support.waiting import wait_until

SCRIPTS = Path(__file__).parent / "reconnecting"
BEGINS_WITHIN_SECONDS = 40.0
ENDS_WITHIN_SECONDS = 90.0


def _python(environment: str | None, script: str) -> Program:
    return python_program(environment, str(SCRIPTS / script))


def _node(line: str) -> Program:
    script = str(SCRIPTS / "typescript_sdk.mjs")
    return node_program("typescript", script, line)


PROGRAMS: dict[str, Callable[[], Program]] = {
    "reboot.mcp.client": lambda: _python(None, "reboot_client.py"),
    "python-sdk-1.30": lambda: _python(None, "python_sdk.py"),
    "python-sdk-2.3": lambda: _python("mcp-2", "python_sdk.py"),
    "typescript-sdk-1.32": lambda: _node("sdk"),
    "typescript-client-2.4": lambda: _node("client"),
}
"""Each with its settings as they come: so many tries, so far apart, as its makers chose."""


class SdkCall:
    """The call on its way. GitHub makes its gist and does not answer yet."""

    def __init__(self, program: Program, player: Player) -> None:
        self.player = player
        self.fault = player.fault("hang_after")
        self.printed: list[str] = []
        arguments = [player.stage.server.mcp_url, player.token, player.description]
        self._process = subprocess.Popen(
            [*program.command, *arguments, *program.last_arguments],
            cwd=program.working_directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def wait_until_begun(self) -> None:
        """Returns when GitHub has the request and the client its first event."""
        wait_until(
            "the client's first event",
            lambda: self.printed.count("BEGUN") > 0 or self._process.poll() is not None,
            seconds=BEGINS_WITHIN_SECONDS,
        )
        assert self._process.poll() is None, self.printed
        self.fault.wait_until_held(timeout_seconds=BEGINS_WITHIN_SECONDS)

    def say_that_the_connection_was_lost(self) -> None:
        """For clients that do not come back by themselves."""
        assert self._process.stdin is not None
        # One that has ended too early says so in its own result.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()

    def wait_until_ended(self) -> None:
        """Returns when the client has ended, or has had its time."""
        self._reader.join(ENDS_WITHIN_SECONDS)

    def result(self) -> str:
        """The id of the gist that the client was told of."""
        last = self.printed[-1] if self.printed else ""
        assert last.startswith("RESULT "), "\n".join(self.printed)
        return last.removeprefix("RESULT ")

    def stop(self) -> None:
        """Ends the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            # What was written for a client that had ended stays in the buffer and cannot leave.
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.printed.append(line.rstrip("\n"))
