"""Which limits hold for one device: its own, else those of the settings, else its profile's, else its kind's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shouwang.kinds import Kind

CENTRE_SILENT_AFTER_S = 60.0
CENTRE_NOTIFY_AFTER_S = 120.0
FEED_SILENT_AFTER_S = 180.0
PATH_UNHEARD_S = 15.0
"""A device's deadline that runs out while its path was unheard for this long waits for the path's verdict."""
DEAF_AFTER_S = 60.0
"""Deafness of the collector past this is an incident."""


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """Seconds, but for `down_after_probes`, which counts."""

    report_every_s: float
    silent_after_s: float
    down_after_probes: int
    notify_after_s: float


def device_limits(
    kind: Kind,
    profile: str | None,
    settings: Mapping[str, float] | None = None,
    *,
    report_every_s: float | None = None,
    silent_after_s: float | None = None,
    notify_after_s: float | None = None,
    speed: float = 1.0,
) -> DeviceLimits:
    """The limits of one device. `settings` is its kind's part of `[limits.<kind>]`; the keyword arguments are the
    device's own columns. `speed` (the demo's) divides seconds. Raises KeyError for an unknown profile."""
    own = kind.limits_of(profile)
    said = settings or {}

    def seconds(name: str, of_device: float | None, of_kind: float) -> float:
        value = said.get(name, of_kind) if of_device is None else of_device
        return float(value) / speed

    return DeviceLimits(
        report_every_s=seconds("report_every_s", report_every_s, own.report_every_s),
        silent_after_s=seconds("silent_after_s", silent_after_s, own.silent_after_s),
        down_after_probes=int(said.get("down_after_probes", own.down_after_probes)),
        notify_after_s=seconds("notify_after_s", notify_after_s, own.notify_after_s),
    )
