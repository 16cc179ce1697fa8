"""When a notification is tried, and by which way. Pure: facts and the time come in as arguments.

The first way is tried at once, and again after 1 s, 2 s, 4 s, … up to 5 minutes, for ever. After three failures (of an
emergency: one) the next way is tried as well. A way that fails for everybody is passed over the sooner, and spared.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shouwang.vocabulary import Severity

FIRST_WAIT_MS = 1_000
LAST_WAIT_MS = 300_000
FAILURES_UNTIL_NEXT_WAY = 3
FAILURES_UNTIL_SPARED = 3
SPARED_AT_MOST_MS = 60_000
"""So long after its recovery a way that had failed for everybody may stay unused."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one notification by one way so far."""

    failures: int
    last_at_ms: int


@dataclass(frozen=True, slots=True)
class WayHealth:
    """What all notifications together know of a way: failures in a row, and until when it asked to be left alone."""

    failures: int = 0
    last_failed_ms: int = 0
    busy_until_ms: int = 0

    @property
    def fails(self) -> bool:
        return self.failures >= FAILURES_UNTIL_SPARED

    def failed(self, now_ms: int, retry_after_s: float | None) -> WayHealth:
        busy = (
            self.busy_until_ms if retry_after_s is None else max(self.busy_until_ms, now_ms + int(retry_after_s * 1e3))
        )
        return WayHealth(self.failures + 1, now_ms, busy)

    def free_at_ms(self, severity: Severity) -> int:
        """From when on it may be used: an emergency respects only what the provider itself asked for."""
        if severity is Severity.EMERGENCY or not self.fails:
            return self.busy_until_ms
        spared_ms = min(FIRST_WAIT_MS << min(self.failures - FAILURES_UNTIL_SPARED, 10), SPARED_AT_MOST_MS)
        return max(self.busy_until_ms, self.last_failed_ms + spared_ms)


BUSY_PATIENCE_MS = 10_000
"""A way that asked to be left alone for longer than this is passed over."""
NEVER_TRIED = Tried(0, 0)
WELL = WayHealth()


def wait_ms(failures: int, seed: str) -> int:
    """How long after its last failure a notification is tried again: doubling, bounded, ±25 % by `seed`, so that many
    that failed together do not come back together, and the answer is the same after a restart."""
    if failures <= 0:
        return 0
    base_ms = min(FIRST_WAIT_MS << min(failures - 1, 20), LAST_WAIT_MS)
    return base_ms * (750 + zlib.crc32(f"{seed}/{failures}".encode()) % 500) // 1000


def times(
    ways: Sequence[str],
    tried: Mapping[str, Tried],
    health: Mapping[str, WayHealth],
    severity: Severity,
    seed: str,
    now_ms: int,
) -> dict[str, int]:
    """For each way that this notification may take by now, the instant (ms) from which it may be tried. The first way
    is always among them; a later one only when each before it failed, or asked to be left alone for long."""
    found: dict[str, int] = {}
    urgent = severity is Severity.EMERGENCY
    enough = 1 if urgent else FAILURES_UNTIL_NEXT_WAY
    patience_ms = 0 if urgent else BUSY_PATIENCE_MS
    for way in ways:
        so_far, well = tried.get(way, NEVER_TRIED), health.get(way, WELL)
        found[way] = max(so_far.last_at_ms + wait_ms(so_far.failures, f"{seed}/{way}"), well.free_at_ms(severity))
        if so_far.failures < enough and not well.fails and well.busy_until_ms - now_ms <= patience_ms:
            break
    return found
