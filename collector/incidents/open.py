"""An incident while it is open, the losses that it explains, and how both outlive a restart.

A *loss* is a device that is down or silent, one that the mains have left (it runs on its battery), or a path that is
offline, of a live centre and once connected. Each loss
belongs to exactly one open incident: its own, or the common one that explains it. Instants ending in `_att` are seconds
of attentive time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.facts import DeviceFacts, Entry, IncidentRecord, PathFacts
from shouwang.vocabulary import Condition, NotificationType, Severity

FOREVER = float("inf")
GroupKey = tuple[str, ...]
"""What losses may have in common: ("region", region), ("township", region, township), ("carrier", region, carrier),
("sim_pool", region, pool), ("switch", centre, path)."""


@dataclass(slots=True, eq=False)
class Loss:
    """`good_ms`: when it was last known good (wall); it ended between then and `every_ms` later."""

    key: str
    name: str  # among an incident's members
    facts: DeviceFacts | PathFacts
    condition: str
    severity: Severity
    good_ms: int
    every_ms: int
    out_att: float
    tell_att: float
    settle_s: float  # its limit and its time to tell
    devices: int
    terminals: int
    reasons: tuple[str, ...] = ()
    incident: Open | None = None  # None: closed by hand, and stays closed until the condition changes
    groups: tuple[GroupKey, ...] = ()

    @property
    def is_path(self) -> bool:
        return isinstance(self.facts, PathFacts)

    @property
    def is_power(self) -> bool:
        """It is watched still, on its battery."""
        return self.condition == Condition.DEGRADED


@dataclass(slots=True, eq=False)
class Open:
    """`key` says what it is about, and no two open incidents share one."""

    key: str
    record: IncidentRecord
    losses: dict[str, Loss] = field(default_factory=dict)
    group: GroupKey | None = None  # of a common cause
    seen_through: str = ""  # the path by which its devices are seen, where it is one
    window_ms: tuple[int, int] = (0, 0)  # when its losses began
    left: dict[str, float] = field(default_factory=dict)  # members that came back, and when
    tell_att: float = FOREVER
    again: bool = False  # told of, but it has become graver since and that is still to be told
    said_att: float = 0.0  # the latest notification
    said_size: int = 0
    good_since: float | None = None  # a flapping one that is good for now
    rest_since: float | None = None  # a common cause that explains too few
    escalate_att: float = FOREVER
    escalate_to: Severity | None = None
    flaps: int = 0
    wake_att: float = FOREVER
    # what is to go out with the next step
    changed: bool = False
    entries: list[Entry] = field(default_factory=list)
    owes: list[NotificationType] = field(default_factory=list)
    probe: DeviceFacts | None = None
    came: int = 0  # members of a common cause, since the last step
    went: int = 0
    names: list[str] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        return self.record.closed_at_ms is not None

    @property
    def is_told(self) -> bool:
        return self.record.told_at_ms is not None

    def add(self, loss: Loss) -> None:
        """Makes the loss one of this incident's."""
        loss.incident = self
        self.losses[loss.key] = loss
        self.left.pop(loss.key, None)
        record = self.record
        record.devices_unwatched += loss.devices
        record.terminals_unwatched += loss.terminals
        record.since_ms = min(record.since_ms, loss.good_ms)
        if self.group is not None:
            self.came += 1
            self.names.append(loss.name)
        self.changed = True

    def drop(self, loss: Loss, att: float) -> None:
        """The loss is over, or another incident explains it."""
        loss.incident = None
        del self.losses[loss.key]
        if self.group is not None:
            self.left[loss.key] = att
            self.went += 1
            self.names.append(loss.name)
        self.changed = True


class _State(msgspec.Struct):
    key: str
    losses: list[tuple[str, str, int, float, float]]  # key, condition, good_ms, out_att, tell_att
    group: GroupKey | None
    window_ms: tuple[int, int]
    left: dict[str, float]
    tell_att: float
    again: bool
    said_att: float
    said_size: int
    good_since: float | None
    rest_since: float | None
    escalate_att: float
    escalate_to: str | None
    flaps: int
    closed_att: float | None
    extra: dict[str, Any] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


def dump(o: Open, closed_att: float | None) -> bytes:
    """What `IncidentRecord.state` holds."""
    return _encoder.encode(
        _State(
            o.key,
            [(each.key, each.condition, each.good_ms, each.out_att, each.tell_att) for each in o.losses.values()],
            o.group,
            o.window_ms,
            o.left,
            o.tell_att,
            o.again,
            o.said_att,
            o.said_size,
            o.good_since,
            o.rest_since,
            o.escalate_att,
            None if o.escalate_to is None else str(o.escalate_to),
            o.flaps,
            closed_att,
        )
    )


def load(record: IncidentRecord) -> tuple[Open, list[tuple[str, str, int, float, float]], float | None]:
    """The incident, its losses as they were written, and when it was closed (attentive). Raises msgspec.MsgspecError
    for a state that is not ours."""
    state = _decoder.decode(record.state)
    o = Open(
        key=state.key,
        record=record,
        group=state.group,
        window_ms=state.window_ms,
        left=state.left,
        tell_att=state.tell_att,
        again=state.again,
        said_att=state.said_att,
        said_size=state.said_size,
        good_since=state.good_since,
        rest_since=state.rest_since,
        escalate_att=state.escalate_att,
        escalate_to=None if state.escalate_to is None else Severity(state.escalate_to),
        flaps=state.flaps,
    )
    return o, state.losses, state.closed_att
