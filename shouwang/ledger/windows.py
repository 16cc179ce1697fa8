"""Writing maintenance windows: who may lay one over what, and ending one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

from shouwang.ledger.tables import Centre, Device, Maintenance
from shouwang.ledger.views.scope import Scope
from shouwang.ledger.views.windows import window_dict

LONGEST_MS = 92 * 86_400_000
REASON_CHARS_MAX = 500


class WindowError(ValueError):
    """The window cannot be; `where` names what is wrong with it."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(what)
        self.where = where


def begin(
    connection: Connection,
    scope: Scope,
    who: str,
    now_ms: int,
    from_ms: int,
    to_ms: int,
    *,
    township: str = "",
    centre: str = "",
    device: str = "",
    kind: str = "",
    reason: str = "",
) -> int:
    """The id of a new window over what each given part fits. Raises WindowError: nothing such in the scope, or no such
    time."""
    if to_ms <= from_ms or to_ms <= now_ms:
        raise WindowError("to", "it must lie after `from`, and not be past already")
    if to_ms - from_ms > LONGEST_MS:
        raise WindowError("to", f"a window is at most {LONGEST_MS // 86_400_000} days long")
    if not (township or centre or kind):
        raise WindowError("centre", "say over what: a township, a centre, a device of it, or a kind")
    if device and not centre:
        raise WindowError("centre", "a device is named with its centre")
    if not scope.everywhere and not (township or centre):
        raise WindowError("centre", "you are bound to some townships: name a township or a centre")
    fitting = (
        select(Device.id)
        .join(Centre, Centre.centre == Device.centre)
        .where(Device.retired_at.is_(None), Centre.retired_at.is_(None), scope.limit(Centre.township))
    )
    for name, column, value in (
        ("township", Centre.township, township),
        ("centre", Device.centre, centre),
        ("device", Device.device, device),
        ("kind", Device.kind, kind),
    ):
        if value:
            fitting = fitting.where(column == value)
            if connection.scalar(fitting.limit(1)) is None:
                raise WindowError(name, f"there is no device with this {name} ({value!r}) in what you may see")
    row = {
        "township": township,
        "centre": centre,
        "device": device,
        "kind": kind,
        "from_at": from_ms,
        "to_at": to_ms,
        "reason": reason[:REASON_CHARS_MAX],
        "who": who,
    }
    return int(connection.execute(insert(Maintenance).returning(Maintenance.id), row).scalar_one())


def window(connection: Connection, scope: Scope, id_: int) -> dict[str, Any] | None:
    """A window as REST gives it; None where the scope may not change it."""
    row = connection.execute(
        select(Maintenance.__table__, Centre.township.label("lies_in"))
        .outerjoin(Centre, Centre.centre == Maintenance.centre)
        .where(Maintenance.id == id_)
    ).first()
    if row is None or not (scope.everywhere or scope.allows(row.lies_in or row.township)):
        return None
    return window_dict(row)


def end(connection: Connection, scope: Scope, id_: int, now_ms: int) -> dict[str, Any] | None:
    """Ends a window now and gives it; None where the scope has none such."""
    if window(connection, scope, id_) is None:
        return None
    connection.execute(
        update(Maintenance).where(Maintenance.id == id_, Maintenance.ended_at.is_(None)).values(ended_at=now_ms)
    )
    return window(connection, scope, id_)
