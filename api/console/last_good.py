"""A device's last good reading, when it was taken and what it said, for whole lists: "最后一次正常 14:02 电量 87 %",
read within a bound of time.

The ledger knows when a device was last good as of its last change; of one that was well when its path was lost, no row
is written, and its newest reading is its last good one. A reading that was good once stays what it was, so each is read
once and kept. A list asks the store for the newest readings in one call; only where a newer reading that is not good
lies over it does it ask for that device alone, and only while time remains: what is missing then is there at the next
refresh. A store that does not answer costs the words nothing but the figure, or the time where only it knows that.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.console.when import instant_ms
from shouwang import clock
from shouwang.readings.store import Point, ReadingStore, StoreUnavailable
from shouwang.vocabulary import Condition

KEPT = 20_000
WITHIN_S = 0.25
NEAR_MS = 2_000
"""The watch and the store may round the instant of one reading differently."""
_WELL = (Condition.OK, Condition.DEGRADED)

Key = tuple[str, str, int, bool]


@dataclass(frozen=True, slots=True)
class Good:
    """A good reading: when the device was heard, and its fields."""

    at_ms: int
    fields: Mapping[str, Any]


def was_well(item: Mapping[str, Any]) -> bool:
    """Whether it is a device whose path was lost while it was well."""
    known = item.get("last_known")
    return known is not None and known["condition"] in _WELL


def good_until_ms(item: Mapping[str, Any]) -> int | None:
    """Until when a device is known to have been good, from its view's dict, as far as the ledger knows."""
    return instant_ms(item.get("since") if was_well(item) else item.get("good_at"))


def key_of(item: Mapping[str, Any]) -> Key | None:
    """What a last good reading is kept by, from a view's dict of a device or an incident: by when it was taken or, of a
    device that was well when its path was lost (True), by when that was; None where there is none."""
    until_ms = good_until_ms(item)
    if not item.get("device") or until_ms is None:
        return None
    return (item["centre"], item["device"], until_ms, was_well(item))


class LastGood:
    """Keeps last good readings by `key_of`."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._good: OrderedDict[Key, Good] = OrderedDict()

    def of(self, store: ReadingStore, items: Iterable[Mapping[str, Any]]) -> dict[Key, Good]:
        """The last good reading of each item that has a kind; what could not be read in time is left out."""
        wanted = {key: item["kind"] for item in items if item.get("kind") and (key := key_of(item)) is not None}
        missing = {key: kind for key, kind in wanted.items() if key not in self._good}
        if missing:
            # the page says what it knows; the incident `store_failing` says the rest
            with contextlib.suppress(StoreUnavailable):
                self._read(store, missing)
        found = {key: self._good[key] for key in wanted if key in self._good}
        while len(self._good) > self._kept:
            self._good.popitem(last=False)
        return found

    def _read(self, store: ReadingStore, missing: dict[Key, str]) -> None:
        until_s = clock.mono_s() + WITHIN_S
        latest = store.latest([(centre, device, kind) for (centre, device, _, _), kind in missing.items()])
        for key, kind in missing.items():
            centre, device, at_ms, unseen = key
            newest = latest.get((centre, device))
            if unseen:
                if newest is not None:
                    self._good[key] = Good(heard_at_ms(newest), newest.fields)
            elif newest is not None and abs(newest.taken_at_ms - at_ms) <= NEAR_MS:
                self._good[key] = Good(at_ms, newest.fields)
            elif clock.mono_s() < until_s:
                self._good[key] = Good(at_ms, _nearest(store, centre, device, kind, at_ms))


def heard_at_ms(point: Point) -> int:
    """When the device itself was heard: a reading through a platform says how long ago that was."""
    age_ms = point.fields.get("last_heard_age_ms")
    return point.taken_at_ms - (int(age_ms) if isinstance(age_ms, int | float) else 0)


def _nearest(store: ReadingStore, centre: str, device: str, kind: str, at_ms: int) -> Mapping[str, Any]:
    points: list[Point] = store.points(centre, device, kind, at_ms - NEAR_MS, at_ms + NEAR_MS + 1, 50)
    if not points:
        return {}
    return min(points, key=lambda point: abs(point.taken_at_ms - at_ms)).fields
