"""What the watch remembers: an object for each path and each device, and what devices of a sort have in common.

Instants ending in `_ms` are steady, those ending in `_att` attentive (see `attentive`), all in milliseconds. A fleet
holds hundreds of thousands of devices: slots, shared rulebooks, and no list where there is nothing to list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.facts import DeviceFacts, PathFacts
from collector.roster import Roster
from collector.watch.wheel import NOWHERE, Bucket
from shouwang.kinds import Kinds, Verdict
from shouwang.kinds.judge import Judge
from shouwang.limits import PATH_UNHEARD_S, DeviceLimits
from shouwang.vocabulary import Condition

NEVER = -(1 << 62)
SPANS_KEPT = 64
"""So many stretches of not knowing are remembered of a path (8 of a device); beyond that neighbours are joined, and the
evidence that they let through is weighed in the ledger all the same."""

_EXPECTED = 1.25
"""A path that was not heard for so many of its shortest report intervals has missed one."""

Span = tuple[int, int | None]
"""[from, to) in steady ms; None: still so."""


@dataclass(slots=True)
class Moment:
    """When a message came and when its agent handed it over: steady and attentive ms; `wall_ms` for display."""

    now_ms: int
    sent_ms: int
    now_att: int
    sent_att: int
    wall_ms: int


class Rulebook:
    """What devices of one kind with the same limits have in common."""

    __slots__ = ("every_ms", "hours", "judge", "kind", "passes_on", "probes", "silent_ms", "type")

    def __init__(self, kinds: Kinds, kind: str, limits: DeviceLimits) -> None:
        declared = kinds[kind]
        self.kind = kind
        self.judge: Judge = kinds.judges[kind]
        self.type: type[Any] = kinds.types[kind]
        self.passes_on = "last_heard_age_ms" in declared.fields  # others heard the device, and say how long ago
        self.hours = None if declared.judged_hours is None else tuple(_minutes(hour) for hour in declared.judged_hours)
        self.silent_ms = round(limits.silent_after_s * 1000)
        self.every_ms = round(limits.report_every_s * 1000)
        self.probes = max(1, limits.down_after_probes)


class DeviceWatch:
    """One device. `verdict` is set only while the next reading, if it says the same again, changes nothing at all."""

    __slots__ = (
        "at",
        "bucket",
        "cleared_ms",
        "condition",
        "failed",
        "first_ms",
        "good_ms",
        "heard_att",
        "newest",
        "path",
        "reasons",
        "rules",
        "since_ms",
        "spans",
        "taken_ms",
        "verdict",
    )

    def __init__(self, path: PathWatch, at: int, rules: Rulebook) -> None:
        self.path = path
        self.at = at  # its place on the path's roster
        self.rules = rules
        self.condition: Condition | None = None  # its own; None before it is first heard
        self.reasons: tuple[str, ...] = ()
        self.since_ms = NEVER
        self.first_ms: int | None = None
        self.verdict: Verdict | None = None
        self.newest: Verdict | None = None  # of the newest reading
        self.taken_ms = NEVER  # the newest reading
        self.good_ms = NEVER  # the newest sign of life that was not `down`
        self.cleared_ms = NEVER  # the newest reading that is no counted failure
        self.failed: list[int] | None = None  # counted failures since then, by when they were taken, the newest few
        self.heard_att = NEVER
        self.spans: list[Span] | None = None  # silent
        self.bucket: Bucket = NOWHERE

    @property
    def facts(self) -> DeviceFacts:
        return self.path.roster.facts(self.at)

    def settle(self) -> None:
        """Writes down what the short way of a reading leaves unwritten."""
        if self.verdict is not None:
            self.cleared_ms = self.taken_ms
            if self.good_ms < self.taken_ms and not self.rules.passes_on:
                self.good_ms = self.taken_ms
            self.verdict = None

    @property
    def good_at(self) -> int:
        """When it was last known to live, settled or not."""
        if self.verdict is not None and not self.rules.passes_on:
            return max(self.good_ms, self.taken_ms)
        return self.good_ms


class PathWatch:
    """A centre's agent or a feed."""

    __slots__ = (
        "back_att",
        "boot",
        "bucket",
        "connection",
        "contested",
        "devices",
        "ended",
        "facts",
        "first_ms",
        "grace_ms",
        "heard_att",
        "heard_ms",
        "offline_ms",
        "online",
        "replaced",
        "roster",
        "silent_ms",
        "since_ms",
        "spans",
        "unheard_ms",
        "waiting",
    )

    def __init__(self, facts: PathFacts, roster: Roster) -> None:
        self.roster = roster
        self.devices: list[DeviceWatch] = []  # by their place on the roster
        self.online: bool | None = None  # None: never heard
        self.since_ms = NEVER
        self.first_ms: int | None = None
        self.heard_ms = NEVER
        self.heard_att = NEVER
        self.back_att = NEVER  # since when it has been online without a stop
        self.offline_ms = NEVER  # what was said before this instant does not bring it back
        self.spans: list[Span] = []  # offline
        self.waiting: list[DeviceWatch] = []  # overdue, but the path was not heard either
        self.boot = ""
        self.connection = 0
        self.ended = False  # the connection is over: its will was seen
        self.replaced: dict[str, int] = {}  # boots that another has followed: their highest connection
        self.contested: dict[str, int] = {}  # boots that are alive side by side: attentive ms of their last sign
        self.bucket: Bucket = NOWHERE
        self.set_facts(facts)

    def set_facts(self, facts: PathFacts) -> None:
        """After its devices are known: a small centre speaks only every half minute, and misses nothing by that."""
        self.facts = facts
        self.silent_ms = round(facts.silent_after_s * 1000)
        self.grace_ms = min(round(PATH_UNHEARD_S * 1000), self.silent_ms // 4)
        every_ms = min((each.rules.every_ms for each in self.devices), default=0)
        self.unheard_ms = min(max(self.grace_ms, round(every_ms * _EXPECTED)), self.silent_ms)


def begin(spans: list[Span], from_ms: int, kept: int = SPANS_KEPT) -> list[Span]:
    """Opens a stretch of not knowing."""
    if spans and spans[-1][1] is None:
        return spans
    spans.append((from_ms, None))
    if len(spans) > kept:
        narrowest = min(range(len(spans) - 1), key=lambda at: spans[at + 1][0] - (spans[at][1] or 0))
        spans[narrowest : narrowest + 2] = [(spans[narrowest][0], spans[narrowest + 1][1])]
    return spans


def end(spans: list[Span], to_ms: int) -> None:
    """Closes the stretch that is open."""
    if spans and spans[-1][1] is None:
        from_ms = spans[-1][0]
        spans[-1] = (from_ms, max(from_ms, to_ms))


def overlaps(spans: list[Span], from_ms: int, to_ms: int) -> bool:
    """Whether any of [from_ms, to_ms) was not known."""
    return any(start < to_ms and (stop is None or stop > from_ms) for start, stop in spans)


def _minutes(hour: str) -> int:
    hours, minutes = hour.split(":")
    return int(hours) * 60 + int(minutes)
