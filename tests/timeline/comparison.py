"""What agents committed to their outboxes, held against what was stored, decided and told."""

import contextlib
import itertools
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from shouwang.kinds import Kinds, load
from shouwang.readings.embedded import EmbeddedStore
from simulators.network import HELD_BACK_S
from tests.timeline.product import SPEED

APART_MS = 1_500 + round(HELD_BACK_S / SPEED * 1000)
"""The broker says in whole seconds how long it held a message, and a disordered line holds it back on its way."""
LATE_MS = 5_000
FOREVER_MS = 1 << 45
Device = tuple[str, str, str]  # centre, device, kind
Values = tuple[tuple[str, Any], ...]


@dataclass
class Committed:
    """What outboxes hold: readings of each device as (taken at, values), and the ids of help calls."""

    rows: dict[tuple[str, int], list[tuple[Device, Values]]] = field(default_factory=dict)  # by boot and seq
    unacked: int = 0
    lost_rows: int = 0
    readings: dict[Device, list[tuple[int, Values]]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, str] = field(default_factory=dict)  # id → device as its agent calls it

    @property
    def count(self) -> int:
        return sum(map(len, self.readings.values()))


def committed(outboxes: Iterable[tuple[str, Path]], kinds: Kinds) -> Committed:
    """Reads outboxes (path of the agent, file) that no process holds."""
    found = Committed()
    for path, file in outboxes:
        with contextlib.closing(sqlite3.connect(file)) as db:
            found.lost_rows += db.execute("SELECT coalesce(sum(lost_rows), 0) FROM boots").fetchone()[0]
            rows = db.execute(
                "SELECT b.boot, b.offset_ms, r.seq, r.event, r.mono_ms, r.acked_ms, r.body"
                " FROM rows r JOIN boots b ON b.id = r.boot"
            )
            for boot, offset_ms, seq, is_event, mono_ms, acked_ms, body in rows:
                assert (boot, seq) not in found.rows, f"{file}: one row twice"
                row = found.rows[boot, seq] = []
                found.unacked += acked_ms is None
                for age_ms, inner in msgspec.msgpack.decode(body):
                    said = msgspec.json.decode(b"{%s}" % inner)
                    if is_event:
                        found.calls[said["id"]] = said["device"]
                        continue
                    centre, _, device = said.pop("device").rpartition("/")
                    kind = said.pop("kind")
                    of = (centre or path, device, kind)
                    values = _values(kinds, kind, said)
                    row.append((of, values))
                    found.readings[of].append((mono_ms + offset_ms - age_ms, values))
    return found


def stored(file: Path, kinds: Kinds, devices: Iterable[Device]) -> dict[Device, list[tuple[int, Values]]]:
    """What the embedded store holds of the devices, in the same shape."""
    store = EmbeddedStore(file, kinds, writable=False)
    try:
        return {
            of: [
                (point.taken_at_ms, _values(kinds, of[2], point.fields))
                for point in store.points(*of, 0, FOREVER_MS, 1_000_000)
            ]
            for of in devices
        }
    finally:
        store.close()


def our_kinds() -> Kinds:
    return Kinds(load())


def compare_readings(
    sent: Committed, kept: dict[Device, list[tuple[int, Values]]], probed: Counter[tuple[str, str]]
) -> dict[str, int]:
    """Every reading sent is stored once, when it was taken; beyond that, answers to probes alone. Asserts it.

    The store knows one reading of a device in a millisecond. Times are told to the second when the broker held a
    message, so two may fall into one; of a row that was lost, all are missing.
    """
    surplus = 0
    lost: set[tuple[Device, Values]] = set()
    for of, readings in sent.readings.items():
        wanted, found = Counter(values for _, values in readings), Counter(values for _, values in kept[of])
        missing, more = wanted - found, found - wanted
        lost.update((of, values) for values in missing)
        assert more.total() <= probed[of[:2]], f"{of}: {more.total()} readings stored that nobody sent: {more}"
        surplus += more.total()
        if not more and not missing:
            apart = [abs(a - b) for a, b in zip(_times(readings), _times(kept[of]), strict=True)]
            assert max(apart) <= APART_MS, f"{of}: stored {max(apart)} ms away from when it was taken"
    for name, row in sent.rows.items():
        gone = [reading for reading in row if reading in lost]
        assert not gone or len(gone) < len(row), f"row {name} is not stored: {row}"
    assert len(lost) <= 1 + sent.count // 5_000, f"readings not stored: {lost}"
    return {
        "readings sent": sent.count,
        "stored": sum(map(len, kept.values())),
        "of them answers to probes": surplus,
        "in one millisecond with another": len(lost),
    }


class Decided:
    """The ledger, read. `rows` by table."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def query(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self._file, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, arguments)]

    def count(self, sql: str, *arguments: Any) -> int:
        return int(next(iter(self.query(sql, *arguments)[0].values())))

    def probes(self) -> Counter[tuple[str, str]]:
        """How often each device was to be probed of our own accord."""
        sql = "select i.centre, i.device from timeline t join incidents i on i.id = t.incident_id where what = ?"
        return Counter((row["centre"], row["device"]) for row in self.query(sql, "probe_wanted"))

    def compare_calls(self, sent: Committed) -> dict[str, int]:
        """Every help call that an agent committed is there once, and was decided on once."""
        events = {row["id"] for row in self.query("select id from events")}
        assert set(sent.calls) == events, f"{len(set(sent.calls) ^ events)} calls lost, or from nowhere"
        pressed = self.count("select count(*) from timeline where what = 'pressed'")
        assert pressed == len(sent.calls), f"{len(sent.calls)} calls, {pressed} times decided on"
        return {"help calls": len(events)}

    def compare_incidents(self) -> dict[str, int]:
        """One cause, one incident: none was open while another of the same cause and scope was."""
        by_cause: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        incidents = self.query("select * from incidents order by opened_at, id")
        for incident in incidents:
            by_cause[tuple(incident[key] for key in ("cause", "centre", "device", "scope"))].append(incident)
        for of, listed in by_cause.items():
            for before, after in itertools.pairwise(listed):
                ended = before["closed_at"]
                assert ended is not None, f"{of}: {before['id']} is open, and {after['id']} beside it"
                assert ended <= after["opened_at"], f"{of}: {after['id']} opened while {before['id']} was open"
        opened = Counter(
            row["incident_id"] for row in self.query("select incident_id from timeline where what = 'opened'")
        )
        assert set(opened.values()) <= {1}, f"opened twice: {[i for i, n in opened.items() if n > 1]}"
        assert set(opened) == {incident["id"] for incident in incidents}
        heard_ms = self.count("select cast(value as integer) from meta where key = 'heard_well_at'")
        late = [i["id"] for i in incidents if i["tell_at"] is not None and i["tell_at"] < heard_ms - LATE_MS]
        overdue = [i for i in incidents if i["id"] in late and not i["closed_at"] and not i["unseen"]]
        assert not overdue, f"to be told long ago: {overdue}"
        return {"incidents": len(incidents), "still open": sum(i["closed_at"] is None for i in incidents)}

    def compare_notifications(self, received: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, int]:
        """Each notification owed arrived, under its own identity and with the same words each time; nothing else."""
        owed = {row["id"]: row for row in self.query("select * from notifications")}
        arrived: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for id_, body in received:
            arrived[id_].append(body)
        assert set(owed) == set(arrived), (
            f"{len(set(owed) - set(arrived))} never arrived, {len(set(arrived) - set(owed))} nobody owes"
        )
        for id_, bodies in arrived.items():
            assert all(body == json.loads(owed[id_]["body"]) for body in bodies), f"{id_}: other words than recorded"
        openings = Counter(row["incident_id"] for row in owed.values() if row["type"] == "opened")
        assert set(openings.values()) <= {1}, "an opening that was told as two"
        told = {row["id"] for row in self.query("select id from incidents where told_at is not null")}
        assert told == {row["incident_id"] for row in owed.values() if row["type"] != "merged"} | set(openings)
        calls = {row["id"] for row in self.query("select id from incidents where cause = 'help_call'")}
        assert calls <= set(openings), "a help call nobody was told of"
        return {"notifications": len(owed), "arrivals, repeats among them": len(received)}


def _times(readings: Iterable[tuple[int, Values]]) -> list[int]:
    return sorted(at for at, _ in readings)


def _values(kinds: Kinds, kind: str, fields: dict[str, Any]) -> Values:
    """The fields that the kind declares, in a shape that can be counted."""
    declared = kinds.declared[kind].fields
    return tuple(sorted((name, json.dumps(value)) for name, value in _plain(fields).items() if name in declared))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: float(value) + 0.0 if isinstance(value, int | float) and not isinstance(value, bool) else value
        for name, value in fields.items()
        if value is not None
    }
