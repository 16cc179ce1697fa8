"""What the watch remembers of a path between two starts: stamps, counted failures, boots. Not conditions: the ledger
has those."""

from __future__ import annotations

from typing import Any

import msgspec

from collector.watch.attentive import AttentiveClock
from collector.watch.state import NEVER, PathWatch, Span
from shouwang.vocabulary import Condition

VERSION = 1


class _Device(msgspec.Struct, array_like=True):
    heard_att: int
    since: int
    taken: int
    cleared: int
    good: int
    failed: list[int] | None
    spans: list[Span] | None


class _Path(msgspec.Struct):
    v: int
    since: int
    heard: int
    heard_att: int
    back_att: int
    offline: int
    spans: list[Span]
    boot: str
    connection: int
    ended: bool
    replaced: dict[str, int]
    contested: dict[str, int]
    devices: dict[str, _Device]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Path)


def dump(path: PathWatch, clock: AttentiveClock) -> bytes:
    """Steady stamps go out as wall time: the next start begins a steady time of its own."""

    def wall(instant: int) -> int:
        return instant if instant == NEVER else clock.wall(instant)

    def walls(spans: list[Span]) -> list[Span]:
        return [(wall(start), None if stop is None else wall(stop)) for start, stop in spans]

    devices: dict[str, Any] = {}
    for name, d in zip(path.roster.names, path.devices, strict=True):
        if d.heard_att == NEVER:
            continue
        cleared = d.taken_ms if d.verdict is not None else d.cleared_ms
        devices[name] = _Device(
            d.heard_att,
            wall(d.since_ms),
            wall(d.taken_ms),
            wall(cleared),
            wall(d.good_at),
            None if d.failed is None else [wall(each) for each in d.failed],
            None if d.spans is None else walls(d.spans),
        )
    return _encoder.encode(
        _Path(
            VERSION,
            wall(path.since_ms),
            wall(path.heard_ms),
            path.heard_att,
            path.back_att,
            wall(path.offline_ms),
            walls(path.spans),
            path.boot,
            path.connection,
            path.ended,
            path.replaced,
            path.contested,
            devices,
        )
    )


def load(path: PathWatch, body: bytes, attentive_ms: int) -> None:
    """Onto what the ledger said of the path and its devices. A snapshot that cannot be read is as if there were none:
    everything then has its whole limit from now on."""
    try:
        snapshot = _decoder.decode(body)
    except msgspec.MsgspecError:
        return
    if snapshot.v != VERSION:
        return
    path.heard_ms = max(path.heard_ms, snapshot.heard)
    if snapshot.heard_att != NEVER:
        path.heard_att = min(snapshot.heard_att, attentive_ms)
    path.back_att = min(snapshot.back_att, attentive_ms)
    path.offline_ms = max(path.offline_ms, snapshot.offline)
    path.spans = _joined(snapshot.spans, snapshot.since, snapshot.heard, path.spans, path.since_ms)
    path.boot, path.connection, path.ended = snapshot.boot, snapshot.connection, snapshot.ended
    path.replaced, path.contested = snapshot.replaced, snapshot.contested
    for name, known in snapshot.devices.items():
        at = path.roster.index.get(name)
        if at is None:
            continue
        d = path.devices[at]
        d.heard_att = min(known.heard_att, attentive_ms)
        d.taken_ms = max(d.taken_ms, known.taken)
        d.good_ms = max(d.good_ms, known.good)
        d.cleared_ms = max(d.cleared_ms, known.cleared)
        if d.condition is not Condition.DOWN:  # else the ledger said that its run is long enough
            d.failed = known.failed
        d.spans = _joined(known.spans or [], known.since, known.good, d.spans or [], d.since_ms) or None


def _joined(older: list[Span], since: int, good: int, newer: list[Span], since_now: int) -> list[Span]:
    """What was not known: as the snapshot has it and, where something changed after it, all since it was last good.

    That may be too much. It costs a few rows of evidence; what evidence counts for is weighed against the ledger.
    """
    joined = [span for span in older if span[1] is not None]
    begins = min((start for start, stop in older if stop is None), default=None)
    is_open = bool(newer) and newer[-1][1] is None
    if begins is None and since_now > since and good != NEVER:
        begins = good
    if begins is None and is_open:
        begins = newer[-1][0]
    if begins is not None:
        joined.append((begins, None if is_open else max(begins, since_now)))
    return joined
