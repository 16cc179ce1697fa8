"""Business hours (Asia/Shanghai): outside of them some kinds are not judged; limits count from the opening."""

from __future__ import annotations

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_SHANGHAI_MS = 8 * 3_600_000
"""Shanghai is UTC+8 all year (no summer time since 1991)."""


def open_for_ms(hours: tuple[int, ...], wall_ms: int) -> int | None:
    """For how long it has been open, in ms; None where it is closed. `hours` are minutes of the day, opening and
    closing; a closing before the opening lies on the next day."""
    opening, length = _opening(hours)
    since = (wall_ms + _SHANGHAI_MS - opening) % _DAY_MS
    return since if since < length else None


def opens_in_ms(hours: tuple[int, ...], wall_ms: int) -> int:
    """How long until it next opens, in ms."""
    opening, _ = _opening(hours)
    return (opening - wall_ms - _SHANGHAI_MS) % _DAY_MS


def _opening(hours: tuple[int, ...]) -> tuple[int, int]:
    opening, closing = hours[0] * _MINUTE_MS, hours[1] * _MINUTE_MS
    return opening, (closing - opening - 1) % _DAY_MS + 1
