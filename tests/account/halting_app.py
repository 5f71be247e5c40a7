"""The application, which halts between the end of a change and its entry in the audit log.

It does so once for each file at the path `HALTS_WHILE_THERE_IS`, and removes the file when it is
there: then it waits to be killed. For a `Deployment`. Reboot's server processes import this file
again, as they do with `main.py`.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import main
from gist_mcp.sessions.audit import AuditLogs
from gist_mcp.sessions.ledger import Change, Ledger

_armed = Path(os.environ["HALTS_WHILE_THERE_IS"])
_finish_with = Ledger.finish_with
_record = AuditLogs.record


def _is_armed() -> bool:
    return _armed.exists()


def _disarm() -> None:
    _armed.unlink()


async def _finish_and_halt(self: Ledger, change: Change, **made: str) -> None:
    await _finish_with(self, change, **made)
    if _is_armed():
        _disarm()
        await asyncio.Event().wait()


async def _record_too_late(self: AuditLogs, *given: Any, **more: Any) -> None:
    if _is_armed():
        await asyncio.Event().wait()
    await _record(self, *given, **more)


Ledger.finish_with = _finish_and_halt  # type: ignore[method-assign]
AuditLogs.record = _record_too_late  # type: ignore[method-assign]

if __name__ == "__main__":
    asyncio.run(main.main())
