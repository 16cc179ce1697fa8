"""A timing wheel on attentive time: who is due when, in buckets of a quarter second.

Being heard does not touch it. Whoever is due says by itself whether its deadline has moved meanwhile, and is put in
again; so a device costs one list entry, however often it is heard.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeAlias, TypeVar

BUCKET_MS = 250
Bucket: TypeAlias = "list[Any] | None"
"""Whoever is due within one quarter of a second; an entry holds the bucket itself, which costs no number each."""
NOWHERE: Bucket = None


class Waiting(Protocol):
    """What the wheel holds: `bucket` is where it waits, NOWHERE where it does not."""

    bucket: Bucket


W = TypeVar("W", bound=Waiting)


class Wheel(Generic[W]):
    """Entries whose `bucket` has changed since are passed over, so that moving forward needs no search."""

    __slots__ = ("_buckets", "_next")

    def __init__(self, attentive_ms: int) -> None:
        self._buckets: dict[int, list[W]] = {}
        self._next = attentive_ms // BUCKET_MS

    def put(self, entry: W, due_ms: int) -> None:
        """`entry` is due at the attentive instant `due_ms`; where it waited before no longer counts."""
        number = max(-(-due_ms // BUCKET_MS), self._next)
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = []
        elif entry.bucket is bucket:
            return
        entry.bucket = bucket
        bucket.append(entry)

    def due(self, attentive_ms: int, at_most: int) -> list[W]:
        """Takes out what is due, oldest first, at most so many; the rest stays for the next call."""
        now = attentive_ms // BUCKET_MS
        if now < self._next:
            return []
        found: list[W] = []
        if now - self._next > len(self._buckets):
            wanted = sorted(number for number in self._buckets if number <= now)
        else:
            wanted = [number for number in range(self._next, now + 1) if number in self._buckets]
        for number in wanted:
            bucket = self._buckets[number]
            room = at_most - len(found)
            entries = bucket[:room]
            del bucket[:room]
            if not bucket:
                del self._buckets[number]
            for entry in entries:
                if entry.bucket is bucket:
                    entry.bucket = NOWHERE
                    found.append(entry)
            self._next = number
            if len(found) >= at_most:
                return found
        self._next = now + 1
        return found
