"""The region's fleet in a ledger, written straight into its tables: the import of files is measured apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, insert

from shouwang.ledger.tables import Centre, Device, Meta
from simulators.fleet import REGION_OF_BANNERS, SimCentre, region, region_places

AT_ONCE = 400
LONE_SILENT_AFTER_S = 10.0


def fill(engine: Engine, centres: int, lone: int = 0, lone_device: str = "") -> int:
    """Writes `centres` centres of 50 devices, and `lone` more whose device `lone_device` has a limit of
    `LONE_SILENT_AFTER_S`; all on their centre's own path. Gives the number of devices."""
    devices = next(region(1)).devices
    number = 0
    places = enumerate(region_places(centres + lone))
    while some := list(itertools.islice(places, AT_ONCE)):
        rows = [
            _device(devices, place.code, at, lone_device if index >= centres else "")
            for index, place in some
            for at in range(len(devices))
        ]
        number += len(rows)
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(
                insert(Centre),
                [
                    {
                        "centre": place.code, "region": REGION_OF_BANNERS, "township": place.township,
                        "township_name": place.township_name, "name": place.name, "type": "centre", "stage": "live",
                    }
                    for _, place in some
                ],
            )  # fmt: skip
            connection.execute(insert(Device), rows)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(insert(Meta), [{"key": "fleet_revision", "value": "bench"}])
    return number


def _device(devices: tuple[Any, ...], centre: str, at: int, lone_device: str) -> dict[str, Any]:
    device = devices[at]
    return {
        "centre": centre,
        "device": device.device,
        "kind": device.kind,
        "path": centre,
        "profile": "",
        "name": device.device_name,
        "room": device.room,
        "driver": device.driver,
        "target": "",
        "settings": {},
        "carrier": device.carrier,
        "sim_pool": device.sim_pool,
        "silent_after_s": LONE_SILENT_AFTER_S if device.device == lone_device else None,
        "extra": {},
    }


def whole_centre() -> SimCentre:
    """The centre whose devices all others have too."""
    return next(region(1))


def codes(centres: int) -> Iterator[str]:
    """The codes of the region's centres."""
    return (place.code for place in region_places(centres))
