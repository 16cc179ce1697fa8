"""Plays timelines on a world: begins and ends faults as simulated time passes. Pure: time is an argument."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from shouwang import kinds
from shouwang.called import EN, ZH, device_called
from simulators.choice import NothingMatches, choose
from simulators.faults import RULES, Fault, FaultKind, World
from simulators.fleet import SimCentre, SimDevice
from simulators.scenario import DAY_S, Scenario, Step, Words


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault began, ended, or happened at once (a help call). `devices` and `paths` are those concerned."""

    at_s: float
    fault: FaultKind
    began: bool
    devices: tuple[SimDevice, ...]
    paths: tuple[str, ...]
    said: Words


@dataclass(frozen=True, slots=True)
class _End:
    fault: Fault
    devices: tuple[SimDevice, ...]
    paths: tuple[str, ...]


class Player:
    """The timelines that are under way on one fleet.

    `start_hour`: the local time of day when simulated time begins, for steps that come daily.
    """

    def __init__(
        self,
        world: World,
        fleet: Sequence[SimCentre],
        *,
        seed: int = 1,
        start_hour: float = 12.0,
        on_skipped: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._world = world
        self._fleet = fleet
        self._names = {centre.centre: centre.centre_name for centre in fleet}
        self._chance = Random(seed)
        self._start_hour = start_hour
        self._on_skipped = on_skipped
        self._order = itertools.count()
        self._due: list[tuple[float, int, Iterator[tuple[float, Step]] | _End, Step | None]] = []

    def add(self, scenario: Scenario, at_s: float) -> None:
        """Begins a scenario now; it repeats daily and regular steps until its end."""
        for step in scenario.steps:
            self.add_steps(_times(step, at_s, at_s + scenario.lasts_s, self._start_hour))

    def add_steps(self, steps: Iterable[tuple[float, Step]]) -> None:
        """Adds steps with the moment of each, in order; taken one by one, so they may be without end."""
        self._next(iter(steps))

    @property
    def next_at_s(self) -> float:
        """When something happens next; infinity when nothing is left."""
        return self._due[0][0] if self._due else math.inf

    def advance(self, now_s: float) -> list[Happening]:
        """What happens up to this moment, in order."""
        happened: list[Happening] = []
        while self._due and self._due[0][0] <= now_s:
            at_s, _, what, step = heapq.heappop(self._due)
            if isinstance(what, _End):
                self._world.end(what.fault)
                happened.append(self._happening(at_s, what.fault.kind, False, what.devices, what.paths, None))
                continue
            if step is not None and (began := self._begin(at_s, step)) is not None:
                happened.append(began)
            self._next(what)
        return happened

    def _next(self, steps: Iterator[tuple[float, Step]]) -> None:
        found = next(steps, None)
        if found is not None:
            heapq.heappush(self._due, (found[0], next(self._order), steps, found[1]))

    def _begin(self, at_s: float, step: Step) -> Happening | None:
        try:
            devices, paths = choose(self._fleet, step.fault, step.where, self._chance)
        except NothingMatches as error:
            self._on_skipped(str(error))
            return None
        concerned = tuple(devices), tuple(paths)
        if not RULES[step.fault].at_once:
            fault = self._world.begin(step.fault, devices, paths, at_s, step.settings)
            if step.for_s is not None:
                end = _End(fault, *concerned)
                heapq.heappush(self._due, (at_s + step.for_s, next(self._order), end, None))
        return self._happening(at_s, step.fault, True, *concerned, step.says)

    def _happening(
        self,
        at_s: float,
        kind: FaultKind,
        began: bool,
        devices: tuple[SimDevice, ...],
        paths: tuple[str, ...],
        said: Words | None,
    ) -> Happening:
        if said is None:
            on_zh, on_en = _concerned(devices, paths, self._names)
            rule = RULES[kind]
            over_zh, over_en = ("", "") if began else ("恢复：", "over: ")
            said = Words(f"{over_zh}{rule.zh}（{on_zh}）", f"{over_en}{rule.en} ({on_en})")
        return Happening(at_s, kind, began, devices, paths, said)


def _times(step: Step, from_s: float, to_s: float, start_hour: float) -> Iterator[tuple[float, Step]]:
    first_s = from_s + step.at_s
    every_s = step.every_s
    if step.daily_h is not None:
        hour = (start_hour + first_s / 3600) % 24
        first_s += (step.daily_h - hour) % 24 * 3600
        every_s = DAY_S
    at_s = first_s
    while at_s < to_s or at_s == first_s:
        yield at_s, step
        if every_s is None:
            return
        at_s += every_s


def _concerned(devices: tuple[SimDevice, ...], paths: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, str]:
    """Whom it concerns, in Chinese and English; `names`: of centres, a feed goes by its own."""
    if len(paths) + len(devices) <= 2:
        named = [(names.get(path, path),) * 2 for path in paths]
        for device in devices:
            kind = kinds.load().get(device.kind)
            called = [device_called(kind, device.device, device.device_name, tongue) for tongue in (ZH, EN)]
            at = names.get(device.centre, device.centre)
            named.append((f"{at} {called[ZH]}", f"{at} {called[EN]}"))
        return "、".join(zh for zh, _ in named), ", ".join(en for _, en in named)
    parts_zh = [f"{len(paths)}个中心"] if paths else []
    parts_en = [f"{len(paths)} centres"] if paths else []
    if devices:
        parts_zh.append(f"{len(devices)}台设备")
        parts_en.append(f"{len(devices)} devices")
    return "，".join(parts_zh), ", ".join(parts_en)
