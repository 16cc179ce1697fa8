"""A platform's times, as instants: how they are written, and in which zone, differs from one to the next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from edge.feed.mapping import Instant

AHEAD_MS = 300_000
"""A clock may be so far ahead of ours. More is a zone taken for another, or a clock that nobody set."""
_EARLIEST_MS = 946_684_800_000  # 2000: what is before is a clock at its zero


class NoInstantError(ValueError):
    """No instant stands there that can be believed; the message says what did."""


def instant_ms(said: Instant, value: Any, now_ms: int) -> int:
    """Epoch milliseconds, never later than now. Raises NoInstantError."""
    if value is None or value == "":
        raise NoInstantError(f"no instant at {said.path!r}")
    try:
        found = _read(said, value)
    except (ValueError, OverflowError, OSError, TypeError):
        raise NoInstantError(
            f"{str(value)[:40]!r} at {said.path!r} is no instant in the form {said.format!r}"
        ) from None
    if found < _EARLIEST_MS:
        raise NoInstantError(f"{str(value)[:40]!r} at {said.path!r} is before the year 2000: a clock that was not set")
    if found > now_ms + AHEAD_MS:
        minutes = (found - now_ms) // 60_000
        raise NoInstantError(
            f"{str(value)[:40]!r} at {said.path!r} is {minutes} min in the future: is zone {said.zone} right?"
        )
    return min(found, now_ms)


def _read(said: Instant, value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError("a yes or no")
    if said.format in ("ms", "s"):
        return round(float(value) * (1000 if said.format == "s" else 1))
    text = str(value).strip()
    moment = datetime.fromisoformat(text) if said.format == "iso" else datetime.strptime(text, said.format)  # noqa: DTZ007
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(said.zone))
    return round(moment.astimezone(UTC).timestamp() * 1000)
