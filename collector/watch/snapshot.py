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
    ahead: int = 0
    """Wall time less the steady time of everything above, in ms."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Path)


def dump(path: PathWatch, clock: AttentiveClock) -> bytes:
    """Steady stamps go out as they are, with what makes wall time of them: the next start begins a steady time of its
    own. It is made for a share of all paths each second, so it is short on purpose."""
    devices: dict[str, Any] = {
        name: (
            d.heard_att,
            d.since_ms,
            d.taken_ms,
            d.cleared_ms if d.verdict is None else d.taken_ms,
            d.good_ms if d.verdict is None else d.good_at,
            d.failed,
            d.spans,
        )
        for name, d in zip(path.roster.names, path.devices, strict=True)
        if d.heard_att != NEVER
    }
    return _encoder.encode(
        _Path(
            VERSION,
            path.since_ms,
            path.heard_ms,
            path.heard_att,
            path.back_att,
            path.offline_ms,
            path.spans,
            path.boot,
            path.connection,
            path.ended,
            path.replaced,
            path.contested,
            devices,
            clock.wall(0),
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
    ahead = snapshot.ahead

    def wall(instant: int) -> int:
        return instant if instant == NEVER else instant + ahead

    def walls(spans: list[Span]) -> list[Span]:
        return [(wall(start), None if stop is None else wall(stop)) for start, stop in spans]

    path.heard_ms = max(path.heard_ms, wall(snapshot.heard))
    if snapshot.heard_att != NEVER:
        path.heard_att = min(snapshot.heard_att, attentive_ms)
    path.back_att = min(snapshot.back_att, attentive_ms)
    path.offline_ms = max(path.offline_ms, wall(snapshot.offline))
    path.spans = _joined(walls(snapshot.spans), wall(snapshot.since), wall(snapshot.heard), path.spans, path.since_ms)
    path.boot, path.connection, path.ended = snapshot.boot, snapshot.connection, snapshot.ended
    path.replaced, path.contested = snapshot.replaced, snapshot.contested
    for name, known in snapshot.devices.items():
        at = path.roster.index.get(name)
        if at is None:
            continue
        d = path.devices[at]
        d.heard_att = min(known.heard_att, attentive_ms)
        d.taken_ms = max(d.taken_ms, wall(known.taken))
        d.good_ms = max(d.good_ms, wall(known.good))
        d.cleared_ms = max(d.cleared_ms, wall(known.cleared))
        if d.condition is not Condition.DOWN:  # else the ledger said that its run is long enough
            d.failed = known.failed and [wall(each) for each in known.failed]
        d.spans = (
            _joined(walls(known.spans or []), wall(known.since), wall(known.good), d.spans or [], d.since_ms) or None
        )


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
