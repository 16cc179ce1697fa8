"""What the system's own files tell of the machine: disk and its wear, memory, load, heat, power, which start it is."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from edge.machine import machine_start

_SYS = Path("/sys")
_PROC = Path("/proc")
_BOX_SENSORS = frozenset(
    {
        "jc42",
        "lm75",
        "lm73",
        "tmp102",
        "tmp103",
        "tmp75",
        "tmp421",
        "sht3x",
        "sht4x",
        "aht10",
        "hdc100x",
        "w1_slave_temp",
    }
)
"""Chips of the kernel's hwmon that measure the air of a box or the board beside it, and no processor."""
_CPU_SENSORS = frozenset({"coretemp", "k10temp", "cpu_thermal", "soc_thermal", "zenpower"})
_COLDEST_C, _HOTTEST_C = -60.0, 150.0
_WORN_STEPS: dict[int, float | None] = {
    0x00: None,
    0x0B: 100.0,
}  # eMMC 5.0 DEVICE_LIFE_TIME_EST: 1 to 10 are tenths, 11 is past its life


def machine_fields(state_directory: Path, sys: Path = _SYS, proc: Path = _PROC, box_sensor: str = "") -> dict[str, Any]:
    """What is known; what the machine does not tell is left out. Percents, degrees Celsius, seconds.

    `box_sensor` names the hwmon chip of the box's temperature where it is none of the usual ones.
    """
    fields = _disk(state_directory, sys)
    memory = dict(line.partition(":")[::2] for line in _text(proc / "meminfo").splitlines())
    total, available = (_first_number(memory.get(name, "")) for name in ("MemTotal", "MemAvailable"))
    if total and available is not None:
        fields["memory_free_percent"] = round(100 * available / total, 1)
    with contextlib.suppress(ValueError, IndexError):
        fields["load_per_core"] = round(float(_text(proc / "loadavg").split()[0]) / (os.cpu_count() or 1), 2)
    with contextlib.suppress(ValueError, IndexError):
        fields["uptime_s"] = float(_text(proc / "uptime").split()[0])
    if boot := _text(proc / "sys/kernel/random/boot_id").strip() or machine_start():
        fields["boot_id"] = boot[:64]
    return fields | _heat(sys, box_sensor) | _power(sys)


def _disk(state_directory: Path, sys: Path) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    try:
        disk = os.statvfs(state_directory)
        if disk.f_blocks:
            fields["disk_free_percent"] = round(100 * disk.f_bavail / disk.f_blocks, 1)
        fields["disk_read_only"] = bool(disk.f_flag & os.ST_RDONLY)
    except OSError:
        fields["disk_read_only"] = True  # it cannot even be looked at
    errors = [_first_number(_text(path)) for path in sys.glob("fs/ext4/*/errors_count")]
    if known := [count for count in errors if count is not None and count >= 0]:
        fields["disk_errors"] = sum(known)
    worn: list[float] = []
    for path in sys.glob("class/mmc_host/mmc*/mmc*/life_time"):
        for word in _text(path).split()[:2]:
            try:
                step = int(word, 16)
            except ValueError:
                continue
            percent = _WORN_STEPS.get(step, step * 10.0 if step <= 10 else None)
            worn += [] if percent is None else [percent]
    if worn:
        fields["disk_wear_percent"] = max(worn)
    return fields


def _heat(sys: Path, box_sensor: str) -> dict[str, Any]:
    cpu = [_celsius(path) for path in sorted(sys.glob("class/thermal/thermal_zone*/temp"))]
    box: list[float | None] = []
    for chip in sorted(sys.glob("class/hwmon/hwmon*")):
        name = _text(chip / "name").strip()
        heats = [_celsius(path) for path in sorted(chip.glob("temp*_input"))[:16]]
        if name == box_sensor or (not box_sensor and name in _BOX_SENSORS):
            box += heats
        elif name in _CPU_SENSORS:
            cpu += heats
    fields: dict[str, Any] = {}
    if known := [heat for heat in cpu if heat is not None]:
        fields["cpu_temperature_c"] = round(max(known), 1)
    off = [(abs(heat - 20), heat) for heat in box if heat is not None]
    if off:
        fields["box_temperature_c"] = round(max(off)[1], 1)  # the one that is furthest from a room's
    return fields


def _celsius(path: Path) -> float | None:
    thousandths = _first_number(_text(path))
    if thousandths is None or not _COLDEST_C <= thousandths / 1000 <= _HOTTEST_C:
        return None
    return thousandths / 1000


def _power(sys: Path) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for supply in sorted(sys.glob("class/power_supply/*")):
        kind = _text(supply / "type").strip()
        if kind in ("Mains", "UPS") and (online := _first_number(_text(supply / "online"))) is not None:
            fields["mains_power"] = fields.get("mains_power", False) or online == 1
        charge = _first_number(_text(supply / "capacity"))
        if kind in ("Battery", "UPS") and charge is not None and 0 <= charge <= 100:
            fields["ups_battery_percent"] = float(charge)
    return fields


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(16_384).decode("utf-8", "replace")
    except OSError:
        return ""


def _first_number(text: str) -> int | None:
    words = text.split()
    try:
        return int(words[0]) if words else None
    except ValueError:
        return None
