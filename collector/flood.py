"""One centre must not delay the others: what it sends beyond any honest rate is not taken, and it is named.

An agent has at most 32 rows in flight and is acked at most once a second, so even a backlog of days comes at some forty
messages a second. What is not taken is not acked either: an honest agent sends it again, later and later.
"""

from __future__ import annotations

from dataclasses import dataclass

MESSAGES_A_SECOND = 100.0
MESSAGES_AT_ONCE = 1_000.0
BYTES_A_SECOND = 4.0 * (1 << 20)
BYTES_AT_ONCE = 32.0 * (1 << 20)
FORGET_AFTER_S = 60.0
_FORGET_EVERY_S = 10.0


@dataclass(slots=True)
class _Bucket:
    at_s: float
    messages: float = MESSAGES_AT_ONCE
    bytes: float = BYTES_AT_ONCE


class Flood:
    """A token bucket a path and channel, for messages and for bytes. Pure; times are monotonic seconds."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._forget_at_s = 0.0

    def admits(self, sender: str, size: int, now_s: float) -> bool:
        """Whether one more message of `size` bytes is taken now. `sender`: path and channel, so that a backlog of
        reports delays no call."""
        bucket = self._buckets.get(sender)
        if bucket is None:
            bucket = self._buckets[sender] = _Bucket(now_s)
        passed = now_s - bucket.at_s
        bucket.at_s = now_s
        bucket.messages = min(MESSAGES_AT_ONCE, bucket.messages + passed * MESSAGES_A_SECOND)
        bucket.bytes = min(BYTES_AT_ONCE, bucket.bytes + passed * BYTES_A_SECOND)
        if bucket.messages < 1 or bucket.bytes < size:
            return False
        bucket.messages -= 1
        bucket.bytes -= size
        return True

    def forget(self, now_s: float) -> None:
        """Drops paths that have been quiet; their buckets would be full again. Does nothing when asked more often than
        that matters."""
        if now_s < self._forget_at_s:
            return
        self._forget_at_s = now_s + _FORGET_EVERY_S
        self._buckets = {path: b for path, b in self._buckets.items() if now_s - b.at_s < FORGET_AFTER_S}
