"""Writing fewer field values: a field again only when it left its deadband, and everything again each five minutes.

The first reading of a device, one five minutes after the last whole one, and one in which a field came or went are
written *whole*. Any other carries only what changed, and names by `whole_at` the reading that it builds on. So every
reading stands in the store with its own time, what is read back is within the deadband of what was sent, a field that
vanished is not filled in, and nobody needs to look back further than five minutes.

A reading that comes late, behind newer ones, is written whole with `late` in place of `whole_at`: nothing builds on it,
and where it repeats one that is there it takes nothing from those that do. The next one of its device is whole again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shouwang.readings.lineprotocol import LATE, WHOLE_AT, KindEncoder
from shouwang.readings.store import Stored

WHOLE_EVERY_MS = 300_000
DEVICES_MAX = 2_000_000
"""More states than that are forgotten together: the next readings are whole."""

_LAST, _WHOLE_AT, _SEEN = range(3)


class Deadband:
    """Keeps of each device what was last written. Its memory may be lost at any time: that costs a few values more."""

    def __init__(self, encoders: Mapping[str, KindEncoder]) -> None:
        self._encoders = encoders
        self._states: dict[tuple[str, str, str], list[Any]] = {}

    def line(self, stored: Stored) -> str:
        """The reading as a line; what it says counts as written. See `forget`."""
        encoder = self._encoders[stored.kind]
        key = (stored.centre, stored.device, stored.kind)
        taken_at_ms = stored.taken_at_ms
        state = self._states.get(key)
        fields: str | None = None
        if state is None:
            if len(self._states) >= DEVICES_MAX:
                self._states.clear()
            self._states[key] = state = [taken_at_ms, 0, encoder.empty()]
        elif taken_at_ms < state[_LAST]:
            state[_WHOLE_AT] = 0  # what is newest is whole again soon
            return _line(stored, f"{LATE}=t", encoder.whole(stored.reading, encoder.empty()))
        elif taken_at_ms - state[_WHOLE_AT] < WHOLE_EVERY_MS and taken_at_ms != state[_LAST]:
            fields = encoder.changed(stored.reading, state[_SEEN])
        if fields is None:
            fields = encoder.whole(stored.reading, state[_SEEN])
            state[_WHOLE_AT] = taken_at_ms
        state[_LAST] = taken_at_ms
        return _line(stored, f"{WHOLE_AT}={state[_WHOLE_AT]}i", fields)

    def forget(self, batch: Sequence[Stored]) -> None:
        """What was made of these may not have been written: their devices' next readings are whole."""
        for stored in batch:
            self._states.pop((stored.centre, stored.device, stored.kind), None)

    def replace(self, encoders: Mapping[str, KindEncoder]) -> None:
        """Other fields are written from now on."""
        self._encoders = encoders
        self._states.clear()


def _line(stored: Stored, sign: str, fields: str) -> str:
    return f"{stored.kind},centre={stored.centre},device={stored.device} {sign}{fields} {stored.taken_at_ms}"
