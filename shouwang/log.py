"""Logs: one event a line, key=value, on standard error; what comes from outside cannot forge a line.

`get_logger("collector").info("hearing", after_ms=3)` writes
`at=2026-11-24T12:00:00.000Z level=info part=collector event=hearing after_ms=3`. What libraries log comes
in the same form. A state change is INFO, work on each message is DEBUG (`SHOUWANG_LOG=debug`).
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from shouwang import clock

VALUE_CHARS_MAX = 8_192
_PLAIN = re.compile(r"[\w.,:;/@+*<>#%&()\[\]{}|~^!?$-]+")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_configuring = threading.Lock()
_configured = False
_sink: Callable[[str], None] | None = None


def write_to(sink: Callable[[str], None] | None) -> None:
    """Lines go to `sink` from now on; None: to standard error again."""
    global _sink
    _sink = sink


def get_logger(part: str) -> FilteringBoundLogger:
    """A logger whose lines say which part speaks."""
    configure()
    return cast(FilteringBoundLogger, structlog.get_logger(part=part))


def configure(level: str | None = None, *, again: bool = False) -> None:
    """Sets up structlog and the standard library's logging alike; once a process unless `again`.

    `level` is `debug`, `info`, `warning` or `error`; left out, the environment's SHOUWANG_LOG, else info.
    """
    global _configured
    with _configuring:
        if _configured and not again:
            return
        _configured = True
        wanted = _LEVELS.get((level or os.environ.get("SHOUWANG_LOG", "info")).lower(), logging.INFO)
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                _level,
                _exception_as_text,
                _render,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(wanted),
            logger_factory=_StandardError,
            cache_logger_on_first_use=False,
        )
        root = logging.getLogger()
        root.handlers[:] = [_LineHandler()]
        root.setLevel(wanted)
        for chatty in ("httpx", "httpcore", "uvicorn.access", "asyncio", "alembic"):
            logging.getLogger(chatty).setLevel(max(wanted, logging.WARNING))


def line(facts: Mapping[str, Any]) -> str:
    """`key=value` pairs in one line. Values that hold anything but plain characters are quoted and escaped; keys that
    are no names are mended."""
    return " ".join(f"{_key(key)}={_value(value)}" for key, value in facts.items())


def _key(key: object) -> str:
    text = str(key)
    return text if _KEY.fullmatch(text) else re.sub(r"[^A-Za-z0-9_.]", "_", "_" + text)[:64]


def _value(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    if len(text) > VALUE_CHARS_MAX:
        text = f"{text[:VALUE_CHARS_MAX]}… ({len(text)} characters)"
    if _PLAIN.fullmatch(text) and text.isprintable():
        return text
    escaped = "".join(_escaped(character) for character in text)
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character) or f"\\u{ord(character):04x}"


def _level(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if "level" in event:
        event["level_"] = event.pop("level")
    event["level"] = "error" if method == "exception" else method
    return event


def _exception_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)
    if raised:
        error = raised if isinstance(raised, BaseException) else sys.exc_info()[1]
        if error is not None:
            event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    facts: dict[str, Any] = {"at": clock.rfc3339(clock.wall_ms()), "level": event.pop("level", "info")}
    for first in ("part", "event"):
        if first in event:
            facts[first] = event.pop(first)
    return line(facts | {f"{key}_" if key in facts else key: value for key, value in event.items()})


class _StandardError:
    """Writes a line to whatever standard error is now. A reader that went away must not end the service."""

    def __init__(self, *_arguments: Any) -> None:
        pass

    def msg(self, message: str) -> None:
        if _sink is not None:
            _sink(message)
            return
        try:
            sys.stderr.write(message + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            pass

    log = debug = info = warning = error = critical = exception = fatal = msg


class _LineHandler(logging.Handler):
    """What libraries log, in our form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.getMessage()
        except (TypeError, ValueError) as error:
            said = f"{record.msg!r} with {record.args!r}: {error}"
        facts: dict[str, Any] = {
            "at": clock.rfc3339(int(record.created * 1000)),
            "level": record.levelname.lower(),
            "part": record.name,
            "event": said,
        }
        if record.exc_info and record.exc_info[1] is not None:
            facts["exception"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        _StandardError().msg(line(facts))
