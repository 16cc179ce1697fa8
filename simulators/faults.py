"""The faults that a simulated world knows, and which of them lie on which device, centre or feed.

Pure: a fault begins and ends when it is told to. Faults may overlap: each ends by itself, and what remains still holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulators.device import CALM, Moment, Surroundings
from simulators.fleet import SimDevice


class FaultKind(StrEnum):
    """What can go wrong."""

    TERMINAL_SILENT = "terminal_silent"  # nothing is heard of the device
    NOT_ANSWERING = "not_answering"  # its agent asks, and gets no answer
    BATTERY_DRAINING = "battery_draining"
    CAMERA_FROZEN = "camera_frozen"
    PAPER_OUT = "paper_out"
    CASH_OUT = "cash_out"
    HELP_CALL = "help_call"  # the button is pressed, once
    POWER_CUT = "power_cut"  # mains gone; the centre goes dark when its UPS is empty
    SWITCH_LOST = "switch_lost"  # no device at the centre answers, the agent is heard
    UPLINK_LOST = "uplink_lost"  # the backlog grows, and comes when the uplink is back
    CLOCK_WRONG = "clock_wrong"
    DELIVERY_DISORDERED = "delivery_disordered"  # reports doubled, and out of order
    AGENT_RESTARTS = "agent_restarts"  # again and again
    FEED_STOPPED = "feed_stopped"
    FEED_STALE = "feed_stale"  # the feed speaks on, of what it heard long ago
    SIM_CUT = "sim_cut"  # a carrier or a SIM pool: uplinks and own-SIM devices alike


class Level(StrEnum):
    """On what a fault lies."""

    DEVICE = "device"
    CENTRE = "centre"
    FEED = "feed"
    CARD = "card"  # whatever holds a SIM card: devices with their own, and centres by their uplink's


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of fault is. `settings`: what may be said of it, with defaults; spans are seconds."""

    level: Level
    zh: str
    en: str
    kinds: frozenset[str] = frozenset()  # device kinds it befalls; empty: all
    settings: Mapping[str, float] = field(default_factory=dict)
    says: Mapping[str, Any] = field(default_factory=dict)
    at_once: bool = False  # it has no duration


_PAPER = frozenset({"pos_terminal", "payment_kiosk", "atm"})
_TERMINAL = frozenset({"call_terminal"})

RULES: dict[FaultKind, Rule] = {
    FaultKind.TERMINAL_SILENT: Rule(Level.DEVICE, "终端失联", "terminal silent"),
    FaultKind.NOT_ANSWERING: Rule(Level.DEVICE, "设备无应答", "device does not answer"),
    FaultKind.BATTERY_DRAINING: Rule(
        Level.DEVICE, "电池耗尽", "battery running down", _TERMINAL, {"percent_per_hour": 60.0}
    ),
    FaultKind.CAMERA_FROZEN: Rule(
        Level.DEVICE, "摄像机画面冻结", "camera frozen", frozenset({"camera"}), says={"picture": "frozen"}
    ),
    FaultKind.PAPER_OUT: Rule(
        Level.DEVICE, "打印纸用完", "paper out", _PAPER, says={"paper": "out", "receipt_paper": "out"}
    ),
    FaultKind.CASH_OUT: Rule(
        Level.DEVICE,
        "现金用完",
        "cash out",
        frozenset({"atm"}),
        says={
            "dispenser": "stop",
            "cash_units": [
                {"unit": "cash-1", "replenishment": "empty", "status": "ok"},
                {"unit": "cash-2", "replenishment": "empty", "status": "ok"},
                {"unit": "retract", "replenishment": "ok", "status": "ok"},
            ],
        },
    ),
    FaultKind.HELP_CALL: Rule(Level.DEVICE, "老人呼救", "help call", _TERMINAL, at_once=True),
    FaultKind.POWER_CUT: Rule(Level.CENTRE, "停电", "power cut", settings={"ups_s": 1800.0}),
    FaultKind.SWITCH_LOST: Rule(Level.CENTRE, "交换机故障", "switch lost"),
    FaultKind.UPLINK_LOST: Rule(Level.CENTRE, "上行中断", "uplink lost"),
    FaultKind.CLOCK_WRONG: Rule(Level.CENTRE, "时钟错误", "clock wrong", settings={"hours": 8.0}),
    FaultKind.DELIVERY_DISORDERED: Rule(
        Level.CENTRE, "重复和乱序", "doubled and reordered delivery", settings={"doubled": 0.3, "held_back": 0.3}
    ),
    FaultKind.AGENT_RESTARTS: Rule(Level.CENTRE, "代理反复重启", "agent restarts", settings={"every_s": 120.0}),
    FaultKind.FEED_STOPPED: Rule(Level.FEED, "运营商平台停止", "feed stopped"),
    FaultKind.FEED_STALE: Rule(Level.FEED, "平台数据陈旧", "feed repeats old states"),
    FaultKind.SIM_CUT: Rule(Level.CARD, "SIM停用", "SIM cards cut off"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that lies on something since a moment."""

    id: int
    kind: FaultKind
    since_s: float
    settings: Mapping[str, float]

    def setting(self, name: str) -> float:
        """As said, else the kind's default."""
        return float(self.settings.get(name, RULES[self.kind].settings[name]))


class World:
    """Which faults lie on which devices, centres and feeds at this moment."""

    def __init__(self) -> None:
        self._on_device: dict[tuple[str, str], list[Fault]] = {}  # by centre and device
        self._on_path: dict[str, list[Fault]] = {}  # by centre or feed
        self._ids = 0

    def begin(
        self,
        kind: FaultKind,
        devices: Iterable[SimDevice],
        paths: Iterable[str],
        at_s: float,
        settings: Mapping[str, float] | None = None,
    ) -> Fault:
        """Lays a fault on devices and on paths (centres or feeds). Raises ValueError for an unknown setting."""
        said = settings or {}
        if unknown := set(said) - set(RULES[kind].settings):
            known = ", ".join(sorted(RULES[kind].settings)) or "none"
            raise ValueError(f"fault {kind}: unknown setting {min(unknown)!r}; it has: {known}")
        self._ids += 1
        fault = Fault(self._ids, kind, at_s, dict(said))
        for device in devices:
            self._on_device.setdefault((device.centre, device.device), []).append(fault)
        for path in paths:
            self._on_path.setdefault(path, []).append(fault)
        return fault

    def end(self, fault: Fault) -> None:
        """Lifts a fault from all on which it lies; one that has ended already stays ended."""
        _lift(self._on_device, fault)
        _lift(self._on_path, fault)

    def on_path(self, path: str, kind: FaultKind) -> Fault | None:
        """The oldest fault of a kind that lies on a centre or feed."""
        faults = self._on_path.get(path)
        return next((fault for fault in faults if fault.kind is kind), None) if faults else None

    def is_dark(self, path: str, at_s: float) -> bool:
        """Whether the agent itself is without power, or its feed's process stopped."""
        if self.on_path(path, FaultKind.FEED_STOPPED):
            return True
        cut = self.on_path(path, FaultKind.POWER_CUT)
        return cut is not None and at_s >= cut.since_s + cut.setting("ups_s")

    def is_cut_off(self, path: str) -> bool:
        """Whether nothing that the agent sends arrives."""
        faults = self._on_path.get(path)
        return faults is not None and any(f.kind in (FaultKind.UPLINK_LOST, FaultKind.SIM_CUT) for f in faults)

    def clock_offset_ms(self, path: str) -> int:
        """How far the agent's wall clock is off."""
        wrong = self.on_path(path, FaultKind.CLOCK_WRONG)
        return round(wrong.setting("hours") * 3_600_000) if wrong else 0

    def around(self, device: SimDevice, moment: Moment) -> Surroundings:
        """What holds of a device from outside."""
        faults = self._on_device.get((device.centre, device.device), ())
        of_centre = self._on_path.get(device.centre, ())
        of_feed = self._on_path.get(device.path, ()) if device.path else ()
        if not faults and not of_centre and not of_feed:
            return CALM
        around = Surroundings()
        says: dict[str, Any] = {}
        for fault in faults:
            _befall(around, says, fault, device)
        for fault in of_centre:
            if fault.kind is FaultKind.POWER_CUT:
                around.mains = False  # the village's, so its households' too
            elif fault.kind is FaultKind.SWITCH_LOST and not device.path and device.kind != "site":
                around.reachable = False
            elif fault.kind is FaultKind.CLOCK_WRONG and device.kind == "site":
                says["clock_offset_ms"] = fault.setting("hours") * 3_600_000
        for fault in of_feed:
            if fault.kind is FaultKind.FEED_STALE:
                around.stale_since_s = fault.since_s
        around.says = says
        return around

    def troubled_paths(self) -> set[str]:
        """The centres and feeds on which any fault lies."""
        return set(self._on_path)

    @property
    def faults(self) -> int:
        """How many faults lie on anything."""
        held = {fault.id for faults in (*self._on_device.values(), *self._on_path.values()) for fault in faults}
        return len(held)


def _befall(around: Surroundings, says: dict[str, Any], fault: Fault, device: SimDevice) -> None:
    match fault.kind:
        case FaultKind.TERMINAL_SILENT | FaultKind.SIM_CUT:
            around.silent = True
        case FaultKind.NOT_ANSWERING:
            around.reachable = False
        case FaultKind.BATTERY_DRAINING:
            around.drain_percent_s = fault.setting("percent_per_hour") / 3600
        case FaultKind.PAPER_OUT:
            field_name = "receipt_paper" if device.kind == "atm" else "paper"
            says[field_name] = RULES[fault.kind].says[field_name]
        case _:
            says.update(RULES[fault.kind].says)


def _lift(held: dict[Any, list[Fault]], fault: Fault) -> None:
    for key in [key for key, faults in held.items() if fault in faults]:
        held[key] = [other for other in held[key] if other.id != fault.id]
        if not held[key]:
            del held[key]
