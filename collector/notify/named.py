"""What the first members of a common cause are called in a notification: names that people know, in place of codes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_

from shouwang.called import EN, ZH, Words, device_called
from shouwang.kinds import Kinds
from shouwang.ledger.tables import Centre, Device


def named(connection: Connection, kinds: Kinds, members: Sequence[str]) -> dict[str, Words]:
    """By member (`centre` or `centre/device`): its name in Chinese and in English. Devices of one centre go without the
    centre's name, which the notification says above; a member that the ledger does not have is left out."""
    pairs = [(centre, device) for centre, _, device in (member.partition("/") for member in members)]
    devices = [pair for pair in pairs if pair[1]]
    one_centre = len({centre for centre, _ in pairs}) == 1
    centres = {
        row.centre: row.name or row.centre
        for row in connection.execute(
            select(Centre.centre, Centre.name).where(Centre.centre.in_({centre for centre, _ in pairs}))
        )
    }
    found: dict[str, Words] = {centre: (name, name) for centre, name in centres.items() if (centre, "") in pairs}
    if not devices:
        return found
    rows = connection.execute(
        select(Device.centre, Device.device, Device.kind, Device.name).where(
            tuple_(Device.centre, Device.device).in_(devices)
        )
    )
    for row in rows:
        kind = kinds[row.kind] if row.kind in kinds else None  # noqa: SIM401 -- Kinds has no get
        before = "" if one_centre else f"{centres.get(row.centre, row.centre)} "
        zh, en = (before + device_called(kind, row.device, row.name, tongue) for tongue in (ZH, EN))
        found[f"{row.centre}/{row.device}"] = (zh, en)
    return found
