"""The agent's log: one event a line on standard error, in the form of `shouwang.log`, without structlog's 7 MB."""

from __future__ import annotations

import logging
import os
import traceback

from shouwang import clock

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = clock.rfc3339(int(record.created * 1000))
        said = _one_line(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            said += f" exception={_one_line(''.join(traceback.format_exception(record.exc_info[1])))!r}"
        return f"at={at} level={record.levelname.lower()} part={record.name} event={said}"


def configure() -> None:
    """Once a process. SHOUWANG_LOG is the level: debug, info, warning or error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Line())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS.get(os.environ.get("SHOUWANG_LOG", "info").lower(), logging.INFO))
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _one_line(text: str) -> str:
    """What comes from outside cannot begin a new line."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
