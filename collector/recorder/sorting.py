"""From rows of the journal to readings that can be stored, and those that are set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

import msgspec

from collector.recorder.file import REFUSED, TIME_UNKNOWN, WRONG_KIND, AsideReading
from collector.recorder.journal import JournalRow
from collector.recorder.names import Names
from shouwang.messages import Codec, Malformed
from shouwang.readings import Refused, Stored


@dataclass(slots=True)
class Turn:
    """What was made of some rows of the journal."""

    through: int
    batch: list[Stored] = field(default_factory=list)
    sources: list[tuple[JournalRow, int]] = field(default_factory=list)  # and how many of the batch are from it
    asides: list[AsideReading] = field(default_factory=list)
    unregistered: int = 0

    def set_aside(self, refused: list[Refused]) -> None:
        """What the store will never take."""
        rows = chain.from_iterable(repeat(row, count) for row, count in self.sources)
        row_of = {id(stored): row for stored, row in zip(self.batch, rows, strict=True)}
        self.asides += [_refused(row_of[id(each.stored)], each) for each in refused]


def taken_at_ms(received_ms: int, held_ms: int, age_ms: int) -> int:
    """When a reading was taken, on the collector's clock: received, less held by the broker, less its age."""
    return received_ms - max(0, held_ms) - age_ms


def sort_out(rows: list[JournalRow], through: int, codec: Codec, names: Names, types: Mapping[str, type[Any]]) -> Turn:
    """Decodes rows, and tells what can be stored from what is set aside. What the intake has set aside already
    (malformed messages, wrong values) and devices that are not in the fleet are counted there, and passed over.
    `types`: of `Kinds`."""
    turn = Turn(through)
    batch = turn.batch
    for row in rows:
        before = len(batch)
        devices = names.of(row.path)
        sent_ms = row.received_ms - max(0, row.held_ms)
        for reading in _readings(row, codec):
            registered = devices.get(reading.device)
            if registered is None:
                turn.unregistered += 1
                continue
            centre, device, kind = registered
            if type(reading) is not types.get(kind):
                turn.asides.append(_aside(row, reading, registered, WRONG_KIND, f"the fleet says {kind}"))
            elif reading.age_ms is None:
                turn.asides.append(_aside(row, reading, registered, TIME_UNKNOWN, "sent without an age"))
            else:
                batch.append(Stored(centre, device, kind, sent_ms - reading.age_ms, reading))  # as taken_at_ms
        if len(batch) > before:
            turn.sources.append((row, len(batch) - before))
    return turn


def _readings(row: JournalRow, codec: Codec) -> list[Any]:
    try:
        if row.channel == "report":
            return codec.report(row.payload).readings
        reply = codec.reply(row.payload)
        return [codec.reading(reply.reading)] if reply.ok and isinstance(reply.reading, msgspec.Raw) else []
    except Malformed:
        return []


def _aside(row: JournalRow, reading: Any, registered: tuple[str, str, str], reason: str, detail: str) -> AsideReading:
    centre, device, kind = registered
    body = msgspec.json.encode(reading).decode()
    return AsideReading(row.position, row.received_ms, reason, detail, centre, device, kind, body)


def _refused(row: JournalRow, refused: Refused) -> AsideReading:
    stored = refused.stored
    return _aside(row, stored.reading, (stored.centre, stored.device, stored.kind), REFUSED, refused.reason)
