"""What the recorder writes into InfluxDB beside readings: whom to expect to hear, events, how the monitor is.

With these an alert rule in Grafana judges by InfluxDB alone, whatever the watch thinks, or if it does not run at all.
docs/readings.md describes them for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# A kind's name has no dot in it: none of these can be one.
WATCHED = "shouwang.watched"
"""Of each call terminal and site that ought to be heard now (connected once, its centre live, nobody working on it):
tags `centre`, `device`, `kind`, `path`; `silent_after_s`. Written again every `WATCHED_EVERY_S`; what is not written
any more is not watched."""
EVENT = "shouwang.event"
"""An event of a device, at the time it came in: tags `centre`, `device`, `kind`; `event`, `id`, `age_ms`."""
MONITOR = "shouwang.monitor"
"""How the monitor is, every `MONITOR_EVERY_S`: `deaf`, `owed` and `owed_oldest_s` (notifications that nobody has
accepted yet), `lag_rows` and `lag_s` (of the recorder behind the journal), `incidents_open`, `emergencies_open`."""

WATCHED_EVERY_S = 300.0
MONITOR_EVERY_S = 15.0

SignValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Sign:
    """One point. A tag that is empty is left out."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, SignValue]
    at_ms: int
