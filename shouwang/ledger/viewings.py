"""Who looked at personal data, or was refused something: kept, so that it can be asked for."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from shouwang.ledger.tables import Viewing


def note_viewing(
    connection: Connection,
    who: str,
    what: str,
    now_ms: int,
    *,
    centre: str = "",
    device: str = "",
    allowed: bool = True,
) -> None:
    """Keeps who looked at personal data, or was refused something."""
    row = {"at": now_ms, "who": who, "what": what, "centre": centre, "device": device, "allowed": allowed}
    connection.execute(insert(Viewing), row)
