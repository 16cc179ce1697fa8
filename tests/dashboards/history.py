"""Three hours of three centres, said by the simulators' own devices and written by the recorder's own store.

What is wrong in them stands in `WRONG`: the panels and rules must show just that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shouwang.clock import shanghai
from shouwang.kinds import Kinds
from shouwang.limits import device_limits
from shouwang.readings import open_store
from shouwang.readings.connection import client
from shouwang.readings.influx_setup import setup_influxdb
from shouwang.readings.store import Retention, Stored
from shouwang.signs import MONITOR, MONITOR_EVERY_S, Sign
from simulators.device import CALM, Device, Moment, Surroundings
from tests.dashboards.grafana import Frame, frames
from tests.servers import Bucket

KINDS = Kinds()
HOUR_MS = 3_600_000
SPAN_MS = 3 * HOUR_MS
CENTRES = ("150525100200", "150525100201", "150525101200")
PLAYED = tuple(sorted(KINDS.declared))
"""Every kind that comes with the product."""

SILENT_MS = 40 * 60_000
SILENT = (CENTRES[0], "call-02")
"""A terminal that said nothing in the last 40 minutes, and was well before."""
FROZEN = (CENTRES[0], "cam-01")
FROZEN_MS = 20 * 60_000
DARK = (CENTRES[1], "site-01")
"""A site without mains in the last half hour, its UPS running down."""
DARK_MS = 30 * 60_000
STEADY = (CENTRES[2], "call-01")
"""A terminal that answers in 10 ms for two hours and a half, then in 10 and 90 ms by turns, so that its mean by time is
about 17 ms, and that of its points much more."""
STEADY_MS = 30 * 60_000
DEAF_MS = (20 * 60_000, 25 * 60_000)
"""The collector was deaf from so long before the end, the second, to the first."""
WRONG = (SILENT, FROZEN, DARK, STEADY)


@dataclass(frozen=True)
class Filled:
    """The bucket, filled: `until_ms` is its present, `readings` what was said, by (centre, device), oldest first."""

    bucket: Bucket
    name: str
    until_ms: int
    readings: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]]
    reader_token: str
    queries: Any

    @property
    def from_ms(self) -> int:
        return self.until_ms - SPAN_MS

    def frames(self, flux: str) -> list[Frame]:
        """Runs a query as Grafana would, with the token that only reads."""
        return frames(self.queries.query(flux))


def devices_of(centre: str) -> list[tuple[str, str]]:
    """(name, kind): two of each kind, one site."""
    return [
        (f"{KINDS.declared[kind].code_prefix or kind}-{number:02d}", kind)
        for kind in PLAYED
        for number in ((1,) if kind == "site" else (1, 2))
    ]


def said(centre: str, name: str, kind: str, until_ms: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a device says in the three hours, at its kind's interval."""
    every_ms = int(device_limits(KINDS.declared[kind], None).report_every_s * 1000)
    device = Device(name, kind, f"dashboards/{centre}")
    key = (centre, name)
    for number, at_ms in enumerate(range(until_ms - SPAN_MS, until_ms, every_ms)):
        left_ms = until_ms - at_ms
        around = CALM
        if key == SILENT and left_ms <= SILENT_MS:
            around = Surroundings(silent=True)
        elif key == FROZEN and left_ms <= FROZEN_MS:
            around = Surroundings(says={"picture": "frozen"})
        elif key == DARK and left_ms <= DARK_MS:
            around = Surroundings(mains=False)
        elif key == STEADY:
            around = Surroundings(says={"latency_ms": 90.0 if left_ms <= STEADY_MS and number % 2 else 10.0})
        at = shanghai(at_ms)
        moment = Moment((at_ms - (until_ms - SPAN_MS)) / 1000, at.hour + at.minute / 60)
        reading = device.reading(moment, around)
        if reading is not None:
            yield at_ms, reading


def signs(until_ms: int) -> Iterator[Sign]:
    """How the monitor itself was: deaf for a while, and behind since then."""
    for at_ms in range(until_ms - SPAN_MS, until_ms, int(MONITOR_EVERY_S * 1000)):
        left_ms = until_ms - at_ms
        deaf = DEAF_MS[0] < left_ms <= DEAF_MS[1]
        says: dict[str, bool | int | float] = {
            "deaf": deaf,
            "owed": 3 if deaf else 0,
            "owed_oldest_s": (DEAF_MS[1] - left_ms) / 1000 if deaf else 0.0,
            "lag_rows": 40 if deaf else 1,
            "lag_s": 12.5 if left_ms <= DEAF_MS[1] else 0.5,
            "incidents_open": 2,
            "emergencies_open": 0,
        }
        yield Sign(MONITOR, {}, says, at_ms)


def fill(bucket: Bucket, until_ms: int, directory: Path) -> Filled:
    """Sets the bucket up as `shouwang setup influxdb` does; the recorder's store writes it, hours summed up."""
    retention = Retention(raw_days=30, hourly_days=400)
    made = setup_influxdb(bucket.url, bucket.token, org=bucket.org, bucket=bucket.bucket, retention=retention)
    assert made.recorder_token
    assert made.reader_token
    store = open_store(
        bucket.url, directory, KINDS, org=bucket.org, bucket=bucket.bucket, token=made.recorder_token, writable=True
    )
    readings: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    batch: list[Stored] = []
    for centre in CENTRES:
        for name, kind in devices_of(centre):
            readings[centre, name] = list(said(centre, name, kind, until_ms))
            make = KINDS.types[kind]
            for at_ms, reading in readings[centre, name]:
                fields = {key: value for key, value in reading.items() if key in KINDS.declared[kind].fields}
                batch.append(Stored(centre, name, kind, at_ms, make(device=name, **fields)))
    batch.sort(key=lambda each: each.taken_at_ms)
    assert store.write(batch) == []
    assert not store.note(list(signs(until_ms)))
    while store.maintain(until_ms):
        pass
    store.close()
    opened = client(bucket.url, bucket.org, made.reader_token)
    return Filled(bucket, bucket.bucket, until_ms, readings, made.reader_token, opened.query_api())
