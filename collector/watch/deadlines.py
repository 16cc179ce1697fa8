"""Limits: who is due, and what becomes of whoever was not heard by then. A path is judged before its devices."""

from __future__ import annotations

from collector.facts import Outcome
from collector.watch.attentive import AttentiveClock
from collector.watch.device import silence
from collector.watch.hours import open_for_ms, opens_in_ms
from collector.watch.path import go_offline
from collector.watch.state import DeviceWatch, PathWatch
from collector.watch.wheel import Wheel
from shouwang.vocabulary import Condition

DUE_AT_ONCE = 100_000
"""A tick asks at most so many; the rest follows at the next."""


class Deadlines:
    """All deadlines, on attentive time. Being heard does not come here: who is due says how long it still has."""

    def __init__(self, clock: AttentiveClock) -> None:
        self._clock = clock
        self._wheel: Wheel[DeviceWatch | PathWatch] = Wheel(clock.attentive_ms)

    def of_path(self, path: PathWatch) -> None:
        """Its deadline is (again) its limit after it was last heard."""
        if path.online:
            self._wheel.put(path, path.heard_att + path.silent_ms)

    def of_device(self, device: DeviceWatch) -> None:
        """Likewise; who is silent already, or was never heard, has none."""
        if device.path.online and device.condition is not None and device.condition is not Condition.SILENT:
            self._wheel.put(device, _deadline(device))

    def of_devices(self, path: PathWatch) -> None:
        for device in path.devices:
            self.of_device(device)

    def excuse(self, path: PathWatch, att: int) -> None:
        """The path is heard again: who waited for it has a moment to be heard through it, and is judged then."""
        for device in path.waiting:
            self._wheel.put(device, att + path.grace_ms * 2 // 3)
        path.waiting.clear()

    def pass_(self, now_ms: int, outcome: Outcome) -> None:
        """Lets time pass until now."""
        att = self._clock.attentive_ms
        devices: list[DeviceWatch] = []
        for entry in self._wheel.due(att, DUE_AT_ONCE):
            if isinstance(entry, PathWatch):
                self._path_due(entry, now_ms, att, outcome)
            else:
                devices.append(entry)
        for device in devices:
            self._device_due(device, now_ms, att, outcome)

    def _path_due(self, path: PathWatch, now_ms: int, att: int, outcome: Outcome) -> None:
        if not path.online:
            return
        overdue = att - (path.heard_att + path.silent_ms)
        if overdue < 0:
            self._wheel.put(path, att - overdue)
        else:
            go_offline(self._clock, path, "silent", now_ms - overdue, self._clock.wall(now_ms), outcome)

    def _device_due(self, device: DeviceWatch, now_ms: int, att: int, outcome: Outcome) -> None:
        path, rules = device.path, device.rules
        if not path.online or device.condition is None or device.condition is Condition.SILENT:
            return
        overdue = att - _deadline(device)
        if rules.hours is not None:
            wall_ms = self._clock.wall(now_ms)
            been_open = open_for_ms(rules.hours, wall_ms)
            if been_open is None:
                self._wheel.put(device, att + opens_in_ms(rules.hours, wall_ms) + rules.silent_ms)
                return
            overdue = min(overdue, been_open - rules.silent_ms)
        if overdue < 0:
            self._wheel.put(device, att - overdue)
        elif att - path.heard_att > path.unheard_ms:
            path.waiting.append(device)
        elif device.condition is Condition.DOWN and self._clock.of(device.taken_ms) + rules.silent_ms > att:
            self._wheel.put(device, self._clock.of(device.taken_ms) + rules.silent_ms)  # its agent still says so
        else:
            silence(self._clock, device, overdue, now_ms, outcome)


def _deadline(device: DeviceWatch) -> int:
    return max(device.heard_att, device.path.back_att) + device.rules.silent_ms
