"""One device into the fleet, or out of it again, beside whole fleet files: what a person does at a page."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from shouwang.fleet import FleetRow
from shouwang.ledger.fleet import touch_fleet
from shouwang.ledger.tables import Centre, Device


class AddError(ValueError):
    """The device cannot be added; the message says why."""


def add_device(connection: Connection, row: FleetRow, now_ms: int) -> None:
    """Adds a device to a centre that there is; one that was retired comes back, with its history. `row` was checked by
    `shouwang.fleet.parse`; what it says of its centre is not taken. Expects a connection with `writes=True`. Raises
    AddError."""
    found = connection.execute(select(Centre.centre).where(Centre.centre == row.centre, Centre.retired_at.is_(None)))
    if found.first() is None:
        raise AddError(f"there is no centre {row.centre!r} in the fleet")
    before = connection.execute(
        select(Device.id, Device.retired_at).where(Device.centre == row.centre, Device.device == row.device)
    ).first()
    if before is None:
        values = {"centre": row.centre, "device": row.device, **_values(row)}
        connection.execute(insert(Device), [values])
    elif before.retired_at is None:
        raise AddError(f"{row.centre} has a device {row.device!r} already")
    else:
        connection.execute(update(Device).where(Device.id == before.id).values(**_values(row), retired_at=None))
    touch_fleet(connection, now_ms)


CHANGED_BY_HAND = ("name", "room", "driver", "target", "settings", "profile", "owner", "maintainer")
"""What a person changes at a page; the rest is the fleet file's."""


def change_device(connection: Connection, row: FleetRow, now_ms: int) -> bool:
    """Changes `CHANGED_BY_HAND` of a device that there is; False where there is none. `row` was checked by
    `shouwang.fleet.parse`. Expects `writes=True`."""
    values = {name: value for name, value in _values(row).items() if name in CHANGED_BY_HAND}
    if row.settings is None:
        del values["settings"]  # nothing is said of them
    done = connection.execute(
        update(Device)
        .where(Device.centre == row.centre, Device.device == row.device, Device.retired_at.is_(None))
        .values(**values)
    )
    if done.rowcount:
        touch_fleet(connection, now_ms)
    return bool(done.rowcount)


def retire_device(connection: Connection, centre: str, device: str, now_ms: int) -> bool:
    """Takes a device out of the watch; its history stays. False where there is none. Expects `writes=True`."""
    done = connection.execute(
        update(Device)
        .where(Device.centre == centre, Device.device == device, Device.retired_at.is_(None))
        .values(retired_at=now_ms)
    )
    if not done.rowcount:
        return False
    touch_fleet(connection, now_ms)
    return True


def _values(row: FleetRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "path": row.path or row.centre,
        "profile": row.profile,
        "name": row.device_name,
        "room": row.room,
        "driver": row.driver,
        "target": row.target,
        "settings": row.settings or {},
        "carrier": row.carrier,
        "sim_pool": row.sim_pool,
        "iccid": row.iccid,
        "sim_expires_on": row.sim_expires_on,
        "household": row.household,
        "owner": row.owner,
        "maintainer": row.maintainer,
        "model": row.model,
        "serial": row.serial,
        "installed_on": row.installed_on,
        "warranty_until": row.warranty_until,
        "report_every_s": row.report_every_s,
        "silent_after_s": row.silent_after_s,
        "notify_after_s": row.notify_after_s,
        "extra": row.extra,
    }
