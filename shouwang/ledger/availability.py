"""How long devices were ok, degraded, down, silent, unknown or in maintenance; by township, kind, centre, device, net.

What counts is a device's *effective* condition: its own where its path was heard, `unknown` where it was not, corrected
by what was learnt later, and `maintenance` where a window lay over it. Time before a device was first heard is not
counted, nor time after it was retired, nor the future.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, or_

from shouwang.kinds import Kind
from shouwang.ledger import histories
from shouwang.ledger.sweep import CONDITIONS, History, sweep
from shouwang.ledger.tables import Centre, Device
from shouwang.ledger.views.scope import Scope, among


class By(StrEnum):
    """What a line of the report is about."""

    TOWNSHIP = "township"
    KIND = "kind"
    CENTRE = "centre"
    DEVICE = "device"
    NET = "net"


@dataclass(slots=True)
class Availability:
    """One line: `key` is a code or name (`centre/device` for a device), `seconds` and `percent` by condition."""

    key: str
    name: str = ""
    devices: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CONDITIONS, 0.0))

    @property
    def percent(self) -> dict[str, float]:
        """Of the time that counts; all 0 where none does."""
        total = sum(self.seconds.values())
        return {condition: 100 * value / total if total else 0.0 for condition, value in self.seconds.items()}


def availability(
    connection: Connection,
    kinds: Mapping[str, Kind],
    by: By,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    *,
    scope: Scope,
    township: str = "",
    centre: str = "",
    kind: str = "",
) -> list[Availability]:
    """Lines in order of their key, for the devices of the scope (and, where given, of one township, centre or kind). A
    fixed number of queries, whatever the size of the fleet. Devices without time that counts are left out."""
    to_ms = min(to_ms, now_ms)
    if from_ms >= to_ms:
        return []
    chosen = [scope.limit(Centre.township)]
    chosen += [among(Centre.township, township), among(Device.centre, centre), among(Device.kind, kind)]
    chosen.append(or_(Device.retired_at.is_(None), Device.retired_at > from_ms))
    devices = histories.devices(connection, chosen)
    own = histories.own_conditions(connection, chosen, from_ms, to_ms)
    offline = histories.offline(connection, {row.path for row in devices}, from_ms, to_ms)
    corrections = histories.corrections(connection, chosen, from_ms, to_ms)
    windows = histories.Windows(connection, from_ms, to_ms)
    lines: dict[str, Availability] = {}
    for row in devices:
        steps = own.get(row.id, [])
        connected_ms = row.first_heard_at if row.first_heard_at is not None else (steps[0][0] if steps else None)
        if connected_ms is None:
            continue  # not yet connected
        ends = [at for at in (row.retired_at, row.centre_retired_at) if at is not None]
        history = History(
            max(from_ms, connected_ms),
            min([to_ms, *ends]),
            steps,
            offline.get(row.path, ()),
            corrections.get(row.id, ()),
            windows.over(row),
        )
        if history.from_ms >= history.to_ms:
            continue
        key, name = _key(by, row, kinds)
        line = lines.get(key)
        if line is None:
            line = lines[key] = Availability(key, name)
        line.devices += 1
        for condition, spent_ms in sweep(history).items():
            line.seconds[condition] += spent_ms / 1000
    return [lines[key] for key in sorted(lines)]


def _key(by: By, row: Any, kinds: Mapping[str, Kind]) -> tuple[str, str]:
    kind = kinds.get(row.kind)
    match by:
        case By.TOWNSHIP:
            return row.township, row.township_name
        case By.KIND:
            return row.kind, kind.label.zh if kind else ""
        case By.CENTRE:
            return row.centre, row.centre_name
        case By.DEVICE:
            return f"{row.centre}/{row.device}", row.name
        case By.NET:
            return (str(kind.net) if kind else ""), ""
