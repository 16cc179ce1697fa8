"""A timing wheel on attentive time: who is due when, in buckets of a quarter second.

Being heard does not touch it. Whoever is due says by itself whether its deadline has moved meanwhile, and is put in
again; so a device costs one list entry, however often it is heard.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

BUCKET_MS = 250
NOWHERE = -1


class Waiting(Protocol):
    """What the wheel holds: `bucket` is where it waits, NOWHERE where it does not."""

    bucket: int


W = TypeVar("W", bound=Waiting)


class Wheel(Generic[W]):
    """Entries whose `bucket` has changed since are passed over, so that moving forward needs no search."""

    __slots__ = ("_buckets", "_next")

    def __init__(self, attentive_ms: int) -> None:
        self._buckets: dict[int, list[W]] = {}
        self._next = attentive_ms // BUCKET_MS

    def put(self, entry: W, due_ms: int) -> None:
        """`entry` is due at the attentive instant `due_ms`; where it waited before no longer counts."""
        bucket = max(-(-due_ms // BUCKET_MS), self._next)
        if entry.bucket == bucket:
            return
        entry.bucket = bucket
        found = self._buckets.get(bucket)
        if found is None:
            self._buckets[bucket] = [entry]
        else:
            found.append(entry)

    def due(self, attentive_ms: int, at_most: int) -> list[W]:
        """Takes out what is due, oldest first, at most so many; the rest stays for the next call."""
        now = attentive_ms // BUCKET_MS
        if now < self._next:
            return []
        found: list[W] = []
        if now - self._next > len(self._buckets):
            wanted = sorted(bucket for bucket in self._buckets if bucket <= now)
        else:
            wanted = [bucket for bucket in range(self._next, now + 1) if bucket in self._buckets]
        for bucket in wanted:
            entries = self._buckets.pop(bucket)
            room = at_most - len(found)
            if len(entries) > room:
                self._buckets[bucket] = entries[room:]
                entries = entries[:room]
            for entry in entries:
                if entry.bucket == bucket:
                    entry.bucket = NOWHERE
                    found.append(entry)
            self._next = bucket
            if len(found) >= at_most:
                return found
        self._next = now + 1
        return found
