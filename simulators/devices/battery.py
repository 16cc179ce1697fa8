"""A UPS's battery as time passes: it runs down while there are no mains, and is charged again, slower; pure.

Lead batteries hold their voltage long and then fall: what they say in percent goes slowly first, and fast at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.devices.nut import Variables
from simulators.devices.snmp import Told, ups_values

_LOW_PERCENT = 20.0
_CHARGE_TIMES = 4.0
"""Charging takes so many times as long as running down."""


@dataclass(slots=True)
class Battery:
    """`lasts_s`: how long it carries its load when it is full. `left`: of its energy, 0 to 1."""

    lasts_s: float = 3_600.0
    left: float = 1.0
    mains: bool = True
    worn: bool = False  # it says that it is to be replaced
    _at_s: float = 0.0

    def pass_to(self, at_s: float) -> None:
        """Time goes on to `at_s` (monotonic seconds), with mains or without as it stands."""
        passed_s = max(0.0, at_s - self._at_s)
        self._at_s = at_s
        change = passed_s / self.lasts_s
        self.left = min(1.0, self.left + change / _CHARGE_TIMES) if self.mains else max(0.0, self.left - change)

    @property
    def percent(self) -> float:
        """As a UPS estimates it from the voltage."""
        return round(100 * (1 - float((1 - self.left) ** 1.6)), 1)

    @property
    def runtime_s(self) -> float:
        return round(self.left * self.lasts_s)

    @property
    def low(self) -> bool:
        return not self.mains and self.percent < _LOW_PERCENT

    def nut(self) -> Variables:
        """As upsd tells it."""
        words = ["OL", "CHRG"] if self.mains and self.left < 1 else ["OL"] if self.mains else ["OB", "DISCHRG"]
        words += ["LB"] * self.low + ["RB"] * self.worn
        return {
            "ups.status": " ".join(words),
            "battery.charge": f"{self.percent:g}",
            "battery.runtime": f"{self.runtime_s:g}",
            "input.voltage": "229.0" if self.mains else "0.0",
        }

    def snmp(self) -> dict[str, Told]:
        """As RFC 1628 tells it."""
        status = 4 if self.left == 0 else 3 if self.low else 2
        return ups_values(round(self.percent), round(self.runtime_s / 60), 3 if self.mains else 5, status)
