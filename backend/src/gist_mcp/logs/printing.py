"""Where the lines of a process go, and from which level on.

Everything goes to standard error, one line for each event, in one of two forms (`forms.py`). What
is left out is in `news.py`.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Final, TextIO, override

import uvicorn.config

from gist_mcp.logs.forms import JsonForm, TextForm
from gist_mcp.logs.news import CalmFilter, NewsFilter

REBOOT: Final = "respect"
"""Parent of all loggers of Reboot and DurableMCP (`log/log.py` of the package `reboot`)."""

logger = logging.getLogger(__name__)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what is standard error at that moment."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


_handler = _StandardError()
_news, _calm = NewsFilter(), CalmFilter()


def configure_logging(level: str, form: str) -> None:
    """Logs of this process are printed from `level` on, which is a name of Python's.

    `form` is `text` or `json`. May be called again, with other settings. Reboot's server processes
    call it twice: when they import `main.py`, because they work before anything of ours is asked,
    and with their settings.
    """
    root = logging.getLogger()
    root.setLevel(level)
    if _handler not in root.handlers:
        root.addHandler(_handler)
    is_json = form == "json"
    _handler.setFormatter(JsonForm() if is_json else TextForm())
    # Not by level: `LOG_LEVEL` may be changed in a process that has begun with another.
    for each in (_news, _calm):
        _handler.removeFilter(each)
    if level != "DEBUG":
        _handler.addFilter(_news)
        if not is_json:
            _handler.addFilter(_calm)
    _join_reboot(logging.getLogger(REBOOT))
    _join_uvicorn()
    if is_json:
        _join_python()


def _join_reboot(reboot: logging.Logger) -> None:
    """Reboot's lines in our form: it has a handler of its own, and none of ours sees its lines."""
    reboot.handlers.clear()
    reboot.propagate = True
    # Never DEBUG: there DurableMCP prints all messages with their arguments.
    reboot.setLevel(max(logging.getLogger().level, logging.INFO))


def _join_uvicorn() -> None:
    """The web server's lines in our form. It has a configuration of its own, which it reads when
    Reboot starts it, later than this."""
    for each in uvicorn.config.LOGGING_CONFIG["loggers"].values():
        each.pop("handlers", None)
        each.pop("propagate", None)


def _join_python() -> None:
    """What Python itself would print, over several lines: warnings, and uncaught exceptions."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    sys.unraisablehook = _log_unraisable


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        logger.info("interrupted")
        return
    logger.critical("an exception ends this process", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None:
        raised = (uncaught.exc_type, uncaught.exc_value, uncaught.exc_traceback)
        logger.critical("an exception ends a thread", exc_info=raised)


def _log_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if unraisable.exc_value is not None:
        raised = (unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback)
        # Not the object: its text may hold anything.
        logger.error("an exception could be raised nowhere", exc_info=raised)
