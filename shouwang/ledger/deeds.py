"""What people ask of the collector: a row each, carried out by it in order, each once.

Whoever asks inserts the row and looks until `done_at` stands in it; while the collector is away the row waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from shouwang.ledger.tables import Deed

ACKNOWLEDGE = "acknowledge"
NOTE = "note"
CLOSE = "close"
PROBE = "probe"
TRY = "try"  # `note` is a Trial as JSON
NOTIFY_TEST = "notify_test"  # `note` names the provider
NOTE_CHARS_MAX = 2_000


class Trial(msgspec.Struct, frozen=True):
    """A device that is not in the fleet yet, to be asked once by the agent of `centre`."""

    kind: str
    driver: str
    target: str
    settings: dict[str, Any] = {}

    def as_note(self) -> str:
        """As it stands in a deed. Raises ValueError where it is too long for one."""
        note = msgspec.json.encode(self).decode()
        if len(note) > NOTE_CHARS_MAX:
            raise ValueError(f"target and settings are {len(note)} characters together, at most {NOTE_CHARS_MAX}")
        return note


def read_trial(note: str) -> Trial:
    """Raises ValueError for what is none."""
    return msgspec.json.decode(note, type=Trial)


@dataclass(frozen=True, slots=True)
class Done:
    """A deed that the collector has carried out, or could not."""

    ok: bool
    answer: dict[str, Any]

    @property
    def reason(self) -> str:
        """Why it could not be done, in words."""
        return str(self.answer.get("reason") or "")


def ask(
    connection: Connection,
    what: str,
    who: str,
    now_ms: int,
    *,
    incident_id: str | None = None,
    centre: str = "",
    device: str = "",
    note: str = "",
) -> int:
    """Records what somebody wants done; gives the deed's id."""
    row = {
        "at": now_ms,
        "who": who,
        "what": what,
        "incident_id": incident_id,
        "centre": centre,
        "device": device,
        "note": note[:NOTE_CHARS_MAX],
        "answer": {},
    }
    return int(connection.execute(insert(Deed).returning(Deed.id), row).scalar_one())


def outcome(connection: Connection, deed_id: int) -> Done | None:
    """What became of a deed; None while it waits."""
    row = connection.execute(select(Deed.done_at, Deed.ok, Deed.answer).where(Deed.id == deed_id)).first()
    if row is None or row.done_at is None:
        return None
    return Done(bool(row.ok), row.answer or {})
