"""The figure that says most of a device's last good reading, for whole lists: "电量 87 %", read within a bound of time.

A reading that was good once stays what it was, so each is read once and kept. A list asks the store for the newest
readings in one call; only where a newer reading that is not good lies over it does it ask for that device alone, and
only while time remains: what is missing then is there at the next refresh. A store that does not answer costs the
words nothing but the figure.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from api.console.when import instant_ms
from shouwang import clock
from shouwang.readings.store import Point, ReadingStore, StoreUnavailable

KEPT = 20_000
WITHIN_S = 0.25
NEAR_MS = 2_000
"""The watch and the store may round the instant of one reading differently."""

Key = tuple[str, str, int]


class LastGood:
    """Keeps the fields of last good readings by (centre, device, when it was taken)."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._fields: OrderedDict[Key, Mapping[str, Any]] = OrderedDict()

    def of(self, store: ReadingStore, items: Iterable[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
        """Fields of the last good reading of each item (a view's dict with centre, device, kind and `good_at`)."""
        wanted: dict[Key, str] = {}
        for item in items:
            good_ms = instant_ms(item.get("good_at"))
            if item.get("device") and item.get("kind") and good_ms is not None:
                wanted[(item["centre"], item["device"], good_ms)] = item["kind"]
        missing = {key: kind for key, kind in wanted.items() if key not in self._fields}
        if missing:
            # the page says what it knows; the incident `store_failing` says the rest
            with contextlib.suppress(StoreUnavailable):
                self._read(store, missing)
        found = {key: self._fields[key] for key in wanted if key in self._fields}
        while len(self._fields) > self._kept:
            self._fields.popitem(last=False)
        return found

    def _read(self, store: ReadingStore, missing: dict[Key, str]) -> None:
        until_s = clock.mono_s() + WITHIN_S
        latest = store.latest([(centre, device, kind) for (centre, device, _), kind in missing.items()])
        for key, kind in missing.items():
            centre, device, good_ms = key
            newest = latest.get((centre, device))
            if newest is not None and abs(newest.taken_at_ms - good_ms) <= NEAR_MS:
                self._fields[key] = newest.fields
            elif clock.mono_s() < until_s:
                self._fields[key] = _nearest(store, centre, device, kind, good_ms)


def _nearest(store: ReadingStore, centre: str, device: str, kind: str, at_ms: int) -> Mapping[str, Any]:
    points: list[Point] = store.points(centre, device, kind, at_ms - NEAR_MS, at_ms + NEAR_MS + 1, 50)
    if not points:
        return {}
    return min(points, key=lambda point: abs(point.taken_at_ms - at_ms)).fields
