"""What losses have in common: counters for each township, carrier, SIM pool, region and switch, kept as things change.

Whether a common cause is possible at all is one comparison of two numbers; only where over half is lost are the
instants compared.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from collector.facts import DeviceFacts, PathFacts
from collector.incidents.open import GroupKey, Loss, Open
from collector.watch.hours import open_for_ms

MEMBERS_MIN = 3
SWITCH_SPAN_S = 60.0
AREA_SPAN_S = 120.0
BREADTH = {"region": 0, "township": 1, "mains": 2, "carrier": 3, "sim_pool": 4, "switch": 5}
"""Which of two explanations of the same losses is said: the first."""

Hours = tuple[int, ...]


@dataclass(slots=True, eq=False)
class Group:
    """Live, once connected centres (paths) and devices that have something in common, and the losses among them."""

    key: GroupKey
    paths: int = 0
    devices: int = 0
    by_hours: dict[Hours, int] = field(default_factory=dict)  # devices that are judged in business hours alone
    losses: dict[str, Loss] = field(default_factory=dict)
    lost_paths: int = 0
    incident: Open | None = None

    def enough(self, paths: int, devices: int, wall_ms: int) -> bool:
        """At least three and over half, of the centres or of the devices."""
        if paths >= MEMBERS_MIN and paths * 2 > self.paths:
            return True
        if devices < MEMBERS_MIN:
            return False
        asleep = sum(n for hours, n in self.by_hours.items() if open_for_ms(hours, wall_ms) is None)
        return devices * 2 > max(devices, self.devices - asleep)

    def possible(self, wall_ms: int) -> bool:
        return self.enough(self.lost_paths, len(self.losses) - self.lost_paths, wall_ms)

    def together(self, span_ms: int) -> tuple[list[Loss], int]:
        """The most losses whose ends may lie within `span_ms`, and the instant at which that span begins.

        A loss ended somewhere in [good_ms, good_ms + every_ms]; it fits a span beginning at T when that overlaps
        [T, T + span_ms].
        """
        edges: list[tuple[int, int]] = []
        for loss in self.losses.values():
            edges += [(loss.good_ms - span_ms, -1), (loss.good_ms + loss.every_ms, 1)]
        edges.sort()
        inside = most = 0
        best = 0
        for at, step in edges:
            inside -= step
            if inside > most:
                most, best = inside, at
        return [loss for loss in self.losses.values() if fits(loss, (best, best + span_ms))], best


def fits(loss: Loss, window_ms: tuple[int, int]) -> bool:
    """Whether the loss may have begun within the window."""
    return loss.good_ms <= window_ms[1] and loss.good_ms + loss.every_ms >= window_ms[0]


class Groups:
    """All groups, by key; they come into being as devices and paths connect."""

    def __init__(self, hours: Mapping[str, Hours | None], on_mains: Container[str]) -> None:
        self._hours = hours
        self._on_mains = on_mains  # kinds that tell of their mains
        self._groups: dict[GroupKey, Group] = {}
        self.dirty: dict[GroupKey, Group] = {}  # lost something since they were last looked at

    def get(self, key: GroupKey) -> Group:
        found = self._groups.get(key)
        if found is None:
            found = self._groups[key] = Group(key)
        return found

    def clear(self) -> None:
        self._groups.clear()
        self.dirty.clear()

    def connect_path(self, path: PathFacts) -> None:
        for key in keys_of(path):
            self.get(key).paths += 1

    def connect_device(self, device: DeviceFacts) -> None:
        hours = self._hours[device.kind]
        for key in keys_of(device, power=device.kind in self._on_mains):
            group = self.get(key)
            group.devices += 1
            if hours is not None:
                group.by_hours[hours] = group.by_hours.get(hours, 0) + 1

    def lose(self, loss: Loss, *, news: bool = True) -> None:
        for key in loss.groups:
            group = self.get(key)
            group.losses[loss.key] = loss
            group.lost_paths += loss.is_path
            if news:
                self.dirty[key] = group

    def regain(self, loss: Loss) -> None:
        for key in loss.groups:
            group = self.get(key)
            if group.losses.pop(loss.key, None) is not None:
                group.lost_paths -= loss.is_path

    def with_incident(self, loss: Loss) -> Iterable[Open]:
        """Open common causes in whose group the loss lies."""
        for key in loss.groups:
            incident = self.get(key).incident
            if incident is not None:
                yield incident


def keys_of(facts: DeviceFacts | PathFacts, *, power: bool = False) -> tuple[GroupKey, ...]:
    """Which groups a device or a path lies in. A centre's own carrier is its `site` device's, and counts for the
    centre; feeds lie in none. `power`: whose mains are meant, which end with a centre's switch or with a township."""
    if isinstance(facts, PathFacts):
        if facts.is_feed:
            return ()
        keys: list[GroupKey] = [("region", facts.region)]
        if facts.township:
            keys.append(("township", facts.region, facts.township))
    else:
        keys = [("switch", facts.centre, facts.path)]
        if power and facts.township:
            keys.append(("mains", facts.region, facts.township))
        if facts.path != facts.centre and facts.township:
            # known through a feed, it falls with its township all the same
            keys.append(("township", facts.region, facts.township))
        if facts.kind == "site":
            return tuple(keys)
    if facts.carrier:
        keys.append(("carrier", facts.region, facts.carrier))
    if facts.sim_pool:
        keys.append(("sim_pool", facts.region, facts.sim_pool))
    return tuple(keys)
