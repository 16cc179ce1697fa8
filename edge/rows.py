"""What the outbox holds: readings and events as they were taken, and the messages built from them with fresh ages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shouwang.kinds.wire import AGE_MAX_MS

READINGS_A_ROW = 200
ROW_BYTES_MAX = 48_000
"""A row goes as one message; many small ones let an event pass between them on a slow line."""

_encode = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[tuple[int | None, bytes]]).decode


@dataclass(slots=True)
class Reading:
    """What a device said, or what its silence said: `fields` of its kind, and when on the monotonic clock."""

    device: str
    kind: str
    taken_mono_s: float
    fields: dict[str, Any] = field(default_factory=dict)

    def inner(self) -> bytes:
        """The reading's JSON without its braces and its age."""
        return _encode({"device": self.device, "kind": self.kind, **self.fields})[1:-1]


@dataclass(slots=True, frozen=True)
class Repeat:
    """By what a device's repeat of an event is known, and for how long: told again meanwhile, it is one event."""

    name: str
    within_s: float


@dataclass(slots=True)
class Event:
    """Something that happened, as a help call: it passes through at once."""

    device: str
    kind: str
    event: str
    taken_mono_s: float
    detail: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    repeat: Repeat | None = None

    def inner(self) -> bytes:
        """The event's JSON without its braces and its age."""
        said = {"id": self.id, "device": self.device, "kind": self.kind, "event": self.event, "detail": self.detail}
        return _encode(said)[1:-1]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the outbox, as it is held. `body` keeps each reading with its age when the row was written."""

    id: int
    boot: str
    seq: int
    is_event: bool
    mono_ms: int  # when it was written, on the monotonic clock of the machine's start `machine`
    machine: str
    readings: int
    body: bytes


@dataclass(frozen=True, slots=True)
class BootState:
    """What every message of a boot says beside its content. `offset_ms`: wall clock − monotonic clock of that machine's
    start, None when its wall clock was never plausible."""

    boot: str
    machine: str
    offset_ms: int | None
    oldest: int
    gone: tuple[tuple[int, int], ...] = ()


def pack(items: Sequence[Reading | Event], mono_s: float) -> list[bytes]:
    """Bodies of as many rows as the items need, in order. Raises ValueError for an item that no row could hold."""
    bodies: list[bytes] = []
    held: list[tuple[int, bytes]] = []
    size = 0
    for item in items:
        inner = item.inner()
        if len(inner) > ROW_BYTES_MAX:
            raise ValueError(f"{item.device}: {len(inner)} bytes in one {type(item).__name__}, at most {ROW_BYTES_MAX}")
        if held and (len(held) >= READINGS_A_ROW or size + len(inner) > ROW_BYTES_MAX):
            bodies.append(_pack(held))
            held, size = [], 0
        held.append((max(0, round((mono_s - item.taken_mono_s) * 1000)), inner))
        size += len(inner)
    if held:
        bodies.append(_pack(held))
    return bodies


def count(body: bytes) -> int:
    """How many readings a body holds."""
    return len(_unpack(body))


def age_when_sent_ms(row: Row, state: BootState, machine: str, mono_ms: int, wall_ms: int | None) -> int | None:
    """How long ago the row was written: on the monotonic clock within one start of the machine, else on the wall clock;
    None when nobody can know (contract, MQTT 5: "unknowable ages")."""
    if row.machine == machine:
        age_ms = mono_ms - row.mono_ms
    elif state.offset_ms is None or wall_ms is None:
        return None
    else:
        age_ms = wall_ms - (row.mono_ms + state.offset_ms)
    return age_ms if 0 <= age_ms <= AGE_MAX_MS else None


def message(row: Row, state: BootState, age_ms: int | None, sent_at_ms: int) -> bytes:
    """The report or event of a row, as it goes over the wire now. `age_ms` is that of the row."""
    gone = b',"gone":%s' % _encode(state.gone) if state.gone else b""
    head = b'{"v":1,"boot":%s,"seq":%d,"oldest":%d%s,"sent_at_ms":%d' % (
        _encode(row.boot),
        row.seq,
        state.oldest,
        gone,
        sent_at_ms,
    )
    items = [_aged(inner, at_writing_ms, age_ms) for at_writing_ms, inner in _unpack(row.body)]
    if row.is_event:
        return b"%s,%s}" % (head, items[0])
    return b'%s,"readings":[%s]}' % (head, b",".join(b"{%s}" % item for item in items))


def _aged(inner: bytes, at_writing_ms: int | None, age_ms: int | None) -> bytes:
    if at_writing_ms is None or age_ms is None or at_writing_ms + age_ms > AGE_MAX_MS:
        return b'"age_ms":null,%s' % inner
    return b'"age_ms":%d,%s' % (at_writing_ms + age_ms, inner)
