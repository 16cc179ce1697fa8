"""What the deciding parts are told and what they answer: plain facts, no I/O.

Two clocks run through here. `Now.mono_s` is real monotonic time. *Attentive time* (seconds) runs only while the
collector hears: it stands still in deafness and across restarts, and every limit of a device or path is measured on it,
so that "deadline = last heard + limit + time deaf" needs no bookkeeping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shouwang.limits import DeviceLimits
from shouwang.reasons import Reason
from shouwang.vocabulary import Cause, Condition, NotificationType, Severity


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands, and how it reaches us: the same for nearly all devices of a centre."""

    centre: str
    path: str  # the centre itself, or a feed
    township: str
    region: str
    live: bool  # its centre is live: only then it alarms


@dataclass(frozen=True, slots=True)
class Traits:
    """What devices of a sort have in common, whichever centre they are of."""

    kind: str
    carrier: str
    sim_pool: str
    room: str
    limits: DeviceLimits
    severity: Severity  # of its loss
    is_terminal: bool  # an elderly person depends on it
    can_probe: bool  # the agent can ask it; else time alone decides


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device of the fleet, as deciding needs it. Made anew whenever it is asked for (see `roster`)."""

    id: int
    device: str
    place: Place
    traits: Traits

    @property
    def centre(self) -> str:
        return self.place.centre

    @property
    def path(self) -> str:
        return self.place.path

    @property
    def township(self) -> str:
        return self.place.township

    @property
    def region(self) -> str:
        return self.place.region

    @property
    def live(self) -> bool:
        return self.place.live

    @property
    def kind(self) -> str:
        return self.traits.kind

    @property
    def carrier(self) -> str:
        return self.traits.carrier

    @property
    def sim_pool(self) -> str:
        return self.traits.sim_pool

    @property
    def room(self) -> str:
        return self.traits.room

    @property
    def limits(self) -> DeviceLimits:
        return self.traits.limits

    @property
    def severity(self) -> Severity:
        return self.traits.severity

    @property
    def is_terminal(self) -> bool:
        return self.traits.is_terminal

    @property
    def can_probe(self) -> bool:
        return self.traits.can_probe


@dataclass(frozen=True, slots=True)
class PathFacts:
    """A centre's agent, or a feed. `carrier` and `sim_pool` are those of the centre's `site` device."""

    path: str
    is_feed: bool
    region: str
    township: str
    carrier: str
    sim_pool: str
    silent_after_s: float
    notify_after_s: float
    live: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """A device's own condition changed, or (`device` None) a path went `online` or `offline`."""

    path: str
    device: DeviceFacts | None
    condition: str  # a Condition, or online/offline for a path
    at_ms: int  # since when it is so: for silent and offline, when it was last heard plus what its limit allows
    known_at_ms: int
    reasons: tuple[str, ...] = ()
    good_at_ms: int | None = None  # when the last good reading was taken (paths: when last heard)
    severity: Severity | None = None  # where the reading's rule names one of its own
    reason: str = ""  # of a path going offline: lost, stopped, silent
    why: Reason | None = None  # what the agent says was wrong


@dataclass(frozen=True, slots=True)
class Evidence:
    """A late reading says that the device was `condition` from `from_ms` to `to_ms`, while we did not know."""

    device: DeviceFacts
    condition: Condition
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class HelpCall:
    """A button was pressed. `age_ms` None: not known (told at once all the same)."""

    id: str
    device: DeviceFacts | None  # None: a device that nobody registered still calls for help
    path: str
    name: str  # the device's name as sent
    pressed_at_ms: int | None
    received_at_ms: int
    event: str = "help_call"
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What followed from something heard, or from time passing."""

    transitions: list[Transition] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    first_heard: list[tuple[DeviceFacts, int]] = field(default_factory=list)  # device, when taken (ms)
    unknown_devices: list[Any] = field(default_factory=list)  # readings of devices that this path does not carry
    conflict: str | None = None  # two agents under one identity: which boots, in words; empty: no longer


@dataclass(frozen=True, slots=True)
class DeedOf:
    """A person's deed on an incident: acknowledge, note or close."""

    id: int
    what: str
    who: str
    note: str
    at_ms: int
    incident_id: str


@dataclass(slots=True)
class IncidentRecord:
    """An incident as it is now; what the ledger writes. `members` are names (`centre`, or `centre/device`)."""

    id: str
    cause: Cause
    severity: Severity
    since_ms: int
    opened_at_ms: int
    region: str = ""
    township: str = ""
    centre: str = ""
    device: str = ""
    device_id: int | None = None
    scope: str = ""
    reasons: tuple[str, ...] = ()
    tell_at_ms: int | None = None  # planned, wall clock, for display; the deciding runs on attentive time
    told_at_ms: int | None = None
    closed_at_ms: int | None = None
    closed_as: str = ""
    outcome: str = ""
    merged_into: str | None = None
    unseen: bool = False
    flapping: bool = False
    acknowledged_at_ms: int | None = None
    acknowledged_by: str = ""
    devices_unwatched: int = 0
    terminals_unwatched: int = 0
    members: list[str] = field(default_factory=list)
    state: bytes = b""  # msgpack of what only `incidents` needs to go on after a restart


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an incident's timeline."""

    at_ms: int
    what: str  # opened, probe_wanted, grew, shrank, merged, unseen, seen, told, acknowledged, note, closed, …
    who: str = ""
    text: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """One incident that changed: its record, what to add to its timeline, the notification that is owed, the device to
    probe of our own accord."""

    incident: IncidentRecord
    entries: list[Entry] = field(default_factory=list)
    owe: NotificationType | None = None
    probe: DeviceFacts | None = None
    notification_id: str = ""  # given when it is decided that something is owed: the same however it is told
