"""What a device says of itself as time passes: its readings, by kind, with noise from a seed, battery and daily round.

Pure: no clock and no I/O. The same device, asked at the same moments in the same surroundings, says the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

Fields = dict[str, Any]

_CHARGE_PERCENT_S = 25 / 3600
_DRAIN_PERCENT_S = 12 / 3600
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Moment:
    """`elapsed_s` seconds of simulated time since the start; `hour` the local time of day, 0 to 24."""

    elapsed_s: float
    hour: float

    @property
    def daylight(self) -> float:
        """0 at night to 1 at noon."""
        return max(0.0, math.sin((self.hour - 6) / 12 * math.pi))


@dataclass(slots=True)
class Surroundings:
    """What holds of a device from outside: its centre's power and switch, and whatever faults lie on it.

    `says` overrides fields of its readings. `silent`: it says nothing at all. `reachable` False: its agent asks, and
    gets no answer. `drain_percent_s` empties its battery although it has mains. `stale_since_s`: the moment since
    which only its feed still speaks of it.
    """

    mains: bool = True
    reachable: bool = True
    silent: bool = False
    drain_percent_s: float = 0.0
    stale_since_s: float | None = None
    says: Mapping[str, Any] = field(default_factory=dict)


CALM = Surroundings()


class Device:
    """One device that behaves. `name` is what its agent calls it."""

    __slots__ = ("_behave", "_noise", "_trait", "asked_at_s", "battery_percent", "kind", "name", "transaction_at_s")

    def __init__(self, name: str, kind: str, seed: int | str = 1) -> None:
        behave = _BEHAVIOURS.get(kind)
        if behave is None:
            raise ValueError(f"no behaviour is known of kind {kind!r}; known: {', '.join(sorted(_BEHAVIOURS))}")
        self.name = name
        self.kind = kind
        self._behave = behave
        self._noise = crc32(f"{seed}/{name}/{kind}".encode()) | 1
        self._trait = self.chance()
        self.battery_percent = 92.0 + 8 * self.chance()
        self.asked_at_s = 0.0
        self.transaction_at_s = -3600.0 * self.chance()

    def chance(self) -> float:
        """The next number of its own sequence, 0 ≤ … < 1 (Numerical Recipes' generator: cheap, and four bytes)."""
        self._noise = (self._noise * 1_664_525 + 1_013_904_223) & 0xFFFF_FFFF
        return self._noise / 4_294_967_296

    @property
    def trait(self) -> float:
        """What distinguishes it from others of its kind, 0 ≤ … < 1, the same all its life."""
        return self._trait

    def reading(self, moment: Moment, around: Surroundings = CALM) -> Fields | None:
        """The fields of its reading as an agent takes it; None when nothing is heard of it.

        Moments never go backwards: battery and sign-ins follow the time between two calls.
        """
        self._live_through(moment, around)
        if around.silent:
            return None
        reading: Fields = {}
        if not around.reachable:
            reading["reachable"] = False
            reading["why"] = {"code": "no_answer", "values": {"s": 5}}
            return reading
        self._behave(self, reading, moment, around)
        if around.says:
            reading.update(around.says)
        return reading

    def _live_through(self, moment: Moment, around: Surroundings) -> None:
        passed_s = max(0.0, moment.elapsed_s - self.asked_at_s)
        self.asked_at_s = moment.elapsed_s
        rate = _CHARGE_PERCENT_S if around.mains else -_DRAIN_PERCENT_S * (0.7 + 0.6 * self._trait)
        if around.drain_percent_s:
            rate = -around.drain_percent_s
        self.battery_percent = min(100.0, max(0.0, self.battery_percent + rate * passed_s))


def _answered(device: Device, reading: Fields, base_ms: float) -> None:
    reading["reachable"] = True
    # A long tail, as of radio: most answers near the base, a few far above it.
    reading["latency_ms"] = round(base_ms * (0.8 + 0.4 * device.chance()) / (1.0001 - device.chance()) ** 0.25, 1)


def _call_terminal(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    if around.stale_since_s is not None:
        age_s = moment.elapsed_s - around.stale_since_s
    else:
        # Asked by an agent it answers now; a feed heard of it within the last minute.
        age_s = (60 if "/" in device.name else 1) * device.chance()
        _answered(device, reading, 18 + 30 * device.trait)
    reading["battery_percent"] = round(device.battery_percent, 1)
    reading["mains_power"] = around.mains
    reading["registered"] = True
    reading["last_heard_age_ms"] = int(age_s * 1000)
    reading["signal_dbm"] = round(-95 + 35 * device.trait + 4 * device.chance(), 1)
    reading["tamper"] = False
    if device.trait > 0.3:  # the rest have no pendant
        reading["pendant_battery_percent"] = round(60 + 40 * device.trait - (moment.elapsed_s / _DAY_S) % 30, 1)
        reading["pendant_last_heard_age_ms"] = int((600 + 3000 * device.chance()) * 1000)


def _bank_link(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 45)
    reading["host_link"] = True


def _pos_terminal(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 60)
    if 8 < moment.hour < 18 and device.chance() < 0.05:
        device.transaction_at_s = moment.elapsed_s
    since_s = moment.elapsed_s - device.transaction_at_s
    reading["host_link"] = True
    reading["paper"] = "full"
    reading["card_reader"] = "ok"
    reading["tamper"] = False
    reading["last_sign_in_age_ms"] = int((moment.hour - 7.5) % 24 * 3_600_000)
    reading["last_transaction_age_ms"] = int(min(since_s, 30 * _DAY_S) * 1000)


def _atm(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    busy = 7 < moment.hour < 20 and device.chance() < 0.08
    reading["device_status"] = "deviceBusy" if busy else "online"
    reading["host_link"] = around.mains
    reading["dispenser"] = "ok"
    reading["acceptor"] = "ok"
    reading["safe_door"] = "locked"
    reading["operator_switch"] = "run"
    reading["receipt_paper"] = "full"
    reading["cash_units"] = [
        {"unit": "cash-1", "replenishment": "ok", "status": "ok"},
        {"unit": "cash-2", "replenishment": "high" if device.trait > 0.5 else "ok", "status": "ok"},
        {"unit": "retract", "replenishment": "ok", "status": "ok"},
    ]


def _camera(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 4)
    light = 0.6 + 0.4 * moment.daylight
    reading["fps"] = round(24.6 + 0.8 * device.chance(), 1)
    reading["fps_expected"] = 25.0
    reading["fps_percent"] = round(reading["fps"] * 4, 1)
    reading["bitrate_kbps"] = round((1800 + 1200 * device.trait) * light * (0.95 + 0.1 * device.chance()), 0)
    reading["picture"] = "ok"
    reading["recording"] = True


def _nvr(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 3)
    reading["channels_on"] = 9
    reading["channels_off"] = 0
    reading["channels_total"] = 9
    reading["disk_status"] = "ok"
    reading["oldest_recording_days"] = round(31 + 14 * device.trait, 1)


def _site(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    reading["mains_power"] = around.mains
    reading["box_temperature_c"] = round(12 + 14 * moment.daylight + 2 * device.chance(), 1)
    reading["ups_battery_percent"] = round(device.battery_percent, 1)
    reading["ups_runtime_s"] = round(device.battery_percent * 36, 0)
    reading["uplink_rtt_ms"] = round(35 + 20 * device.trait + 15 * device.chance(), 1)
    reading["uplink_loss_percent"] = round(1.5 * device.chance(), 1)
    reading["clock_offset_ms"] = round(20 * (device.chance() - 0.5), 1)
    reading["disk_free_percent"] = round(40 + 40 * device.trait, 1)
    reading["memory_free_percent"] = round(45 + 10 * device.chance(), 1)
    reading["cpu_temperature_c"] = round(38 + 12 * moment.daylight + 3 * device.chance(), 1)
    reading["disk_read_only"] = False


def _clinic_terminal(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 12)
    reading["host_link"] = True
    # The compressor's round of about 40 minutes.
    swing = math.sin(moment.elapsed_s / 2400 * 2 * math.pi + device.trait * 6)
    reading["fridge_temperature_c"] = round(4.8 + 1.2 * swing + 0.2 * device.chance(), 2)


def _ecommerce_point(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 45)
    reading["page_ok"] = True
    reading["parcels_waiting"] = int(5 + 25 * device.trait + 20 * abs(math.sin(moment.hour / 24 * math.pi)))


def _remote_education(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 8)
    reading["storage_free_percent"] = round(20 + 60 * device.trait, 1)
    reading["satellite_lock"] = True


def _water_pump(device: Device, reading: Fields, moment: Moment, around: Surroundings) -> None:
    _answered(device, reading, 15)
    level = 62 + 30 * math.sin(moment.elapsed_s / 5400 * 2 * math.pi + device.trait * 6)
    running = math.cos(moment.elapsed_s / 5400 * 2 * math.pi + device.trait * 6) > 0  # it fills while it runs
    reading["running"] = running and around.mains
    reading["fault"] = False
    reading["pressure_kpa"] = round((280 if running else 240) + 12 * device.chance(), 1)
    reading["tank_level_percent"] = round(level, 1)


_Behaviour = Callable[[Device, Fields, Moment, Surroundings], None]
_BEHAVIOURS: dict[str, _Behaviour] = {
    "atm": _atm,
    "call_terminal": _call_terminal,
    "camera": _camera,
    "clinic_terminal": _clinic_terminal,
    "ecommerce_point": _ecommerce_point,
    "nvr": _nvr,
    "bank_link": _bank_link,
    "payment_kiosk": _pos_terminal,
    "pos_terminal": _pos_terminal,
    "remote_education": _remote_education,
    "site": _site,
    "water_pump": _water_pump,
}
