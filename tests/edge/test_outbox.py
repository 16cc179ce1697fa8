"""The outbox on real files: what it keeps, what it forgets, and what becomes of it when the disk fails."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge import files
from edge.outbox import Outbox
from edge.rows import Event, Reading, Row, age_when_sent_ms, message
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.messages import Codec, Lost

WALL_MS = 1_800_000_000_000
DAY_S = 86_400.0


def at(mono_s: float, wall_ms: int | None = None) -> Now:
    return Now(mono_s, WALL_MS + round(mono_s * 1000) if wall_ms is None else wall_ms)


def reading(device: str = "call-01", taken_s: float = 0.0, **fields: object) -> Reading:
    return Reading(device, "call_terminal", taken_s, {"reachable": True, "latency_ms": 12.5, **fields})


def seqs(rows: Sequence[Row]) -> list[int]:
    return [row.seq for row in rows]


def sent(outbox: Outbox, row: Row, now: Now) -> dict[str, object]:
    """The message of a row as it would go out now."""
    state = outbox.state_of(row.boot)
    age_ms = age_when_sent_ms(row, state, outbox.machine, round(now.mono_s * 1000), now.wall_ms)
    made: dict[str, object] = json.loads(message(row, state, age_ms, now.wall_ms))
    return made


def reports(outbox: Outbox, after_id: int = 0) -> list[Row]:
    return outbox.unsent(events=False, after_id=after_id, limit=100_000)


def test_a_row_keeps_its_seq_and_is_built_anew_with_a_fresh_age(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", at(100), machine="m")
    outbox.write([reading(taken_s=100.0), reading("call-02", taken_s=99.5)], at(100.25))
    outbox.write_event(Event("call-01", "call_terminal", "help_call", 100.3, id="11111111-1"), at(100.3))
    (row,) = reports(outbox)
    first, later = sent(outbox, row, at(101)), sent(outbox, row, at(200))
    assert first["seq"] == later["seq"] == 1
    assert [r["age_ms"] for r in first["readings"]] == [1000, 1500]  # type: ignore[attr-defined]
    assert [r["age_ms"] for r in later["readings"]] == [100_000, 100_500]  # type: ignore[attr-defined]
    codec = Codec(Kinds())
    report = codec.report(json.dumps(later).encode())
    assert [(r.device, r.latency_ms) for r in report.readings] == [("call-01", 12.5), ("call-02", 12.5)]
    assert report.asides == []
    (event_row,) = outbox.unsent(events=True, after_id=0, limit=10)
    event = codec.event(json.dumps(sent(outbox, event_row, at(101))).encode())
    assert (event.seq, event.id, event.age_ms, event.oldest) == (2, "11111111-1", 700, 1)
    outbox.close()


def test_an_earlier_boot_of_the_agent_keeps_its_name_and_on_the_same_machine_its_clock(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "outbox.db", at(100), machine="m")
    first.write([reading(taken_s=100)], at(100))
    first.close()
    second = Outbox(tmp_path / "outbox.db", at(130), machine="m")
    second.write([reading(taken_s=131)], at(131))
    old, new = reports(second)
    assert (old.boot, old.seq, new.boot, new.seq) == (first.boot, 1, second.boot, 1)
    # The wall clock has meanwhile jumped by years: it is not asked.
    assert sent(second, old, at(160, WALL_MS + 10**11))["readings"][0]["age_ms"] == 60_000  # type: ignore[index]


@pytest.mark.parametrize(  # fault 20
    ("written_wall_ms", "now_wall_ms", "age_ms"),
    [
        (WALL_MS, WALL_MS + 90_000, 90_000),
        (1_000, WALL_MS, None),  # the clock stood at 1970 when it was written
        (WALL_MS, 1_000, None),  # … or stands there now
        (WALL_MS, WALL_MS - 5_000, None),  # the clock says that it is to come
        (WALL_MS, WALL_MS + 401 * 86_400_000, None),
    ],
)
def test_after_a_restart_of_the_machine_the_wall_clock_counts_if_it_can_be_believed(
    tmp_path: Path, written_wall_ms: int, now_wall_ms: int, age_ms: int | None
) -> None:
    first = Outbox(tmp_path / "outbox.db", Now(5000, written_wall_ms), machine="monday")
    first.write([reading(taken_s=5000)], Now(5000, written_wall_ms))
    first.close()
    second = Outbox(tmp_path / "outbox.db", Now(7, now_wall_ms), machine="tuesday")
    (row,) = reports(second)
    assert sent(second, row, Now(7, now_wall_ms))["readings"][0]["age_ms"] == age_ms  # type: ignore[index]


def test_a_clock_that_is_set_later_dates_what_was_written_before(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "outbox.db", Now(10, 10_000), machine="monday")
    first.write([reading(taken_s=10)], Now(10, 10_000))
    first.write([reading(taken_s=70)], Now(70, WALL_MS))
    first.close()
    second = Outbox(tmp_path / "outbox.db", Now(1, WALL_MS + 30_000), machine="tuesday")
    ages = [sent(second, row, Now(1, WALL_MS + 30_000))["readings"][0]["age_ms"] for row in reports(second)]  # type: ignore[index]
    assert ages == [90_000, 30_000]


def test_an_ack_is_the_whole_truth(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", at(0), machine="m")
    for number in range(10):
        outbox.write([reading(taken_s=number)], at(number))
    assert outbox.acknowledge({outbox.boot: [(1, 4), (7, 7)], "another": [(1, 99)]}, at(20)) == 0
    assert seqs(reports(outbox)) == [5, 6, 8, 9, 10]
    assert outbox.state_of(outbox.boot).oldest == 1  # acknowledged rows are kept, and count
    assert outbox.acknowledge({outbox.boot: [(1, 10)]}, at(21)) == 0
    assert reports(outbox) == []
    # The collector was restored from yesterday's backup.  # fault 45 of the agent's side
    assert outbox.acknowledge({outbox.boot: [(1, 6)]}, at(22)) == 4
    assert seqs(reports(outbox)) == [7, 8, 9, 10]


def test_acknowledged_rows_go_after_48_hours(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", at(0), machine="m")
    for number in range(3):
        outbox.write([reading(taken_s=number)], at(number))
    outbox.acknowledge({outbox.boot: [(1, 2)]}, at(10))
    outbox.acknowledge({outbox.boot: [(1, 2)]}, at(2 * DAY_S))
    assert outbox.state_of(outbox.boot).oldest == 1
    outbox.acknowledge({outbox.boot: [(1, 2)]}, at(2 * DAY_S + 11))
    assert outbox.state_of(outbox.boot).oldest == 3
    assert outbox.lost() == {}


def test_when_it_is_full_acknowledged_rows_go_first_then_the_oldest_readings_and_events_never(tmp_path: Path) -> None:
    limit = 400_000
    outbox = Outbox(tmp_path / "outbox.db", at(0), max_bytes=limit, machine="m")
    outbox.write_event(Event("call-01", "call_terminal", "help_call", 0.0), at(0))  # seq 1
    note = "x" * 200

    def fill(rows: int) -> None:
        for _ in range(rows):
            outbox.write([reading(f"call-{n:02}", note=note) for n in range(4)], at(1))

    fill(100)  # seq 2 … 101
    outbox.acknowledge({outbox.boot: [(2, 101)]}, at(2))
    fill(250)
    assert outbox.lost() == {}  # the acknowledged made room
    assert seqs(reports(outbox)) == list(range(102, 352))
    assert outbox.bytes_used <= limit + 8192
    fill(1_000)
    lost = outbox.lost()[outbox.boot]
    held = seqs(reports(outbox))
    assert held == list(range(held[0], 1352))
    assert lost == Lost(rows=held[0] - 102, readings=4 * (held[0] - 102))
    assert outbox.bytes_used <= limit + 8192
    (event,) = outbox.unsent(events=True, after_id=0, limit=10)
    assert event.seq == 1
    state = outbox.state_of(outbox.boot)
    assert (state.oldest, state.gone) == (1, ((102, held[0] - 1),))
    assert sent(outbox, event, at(3))["gone"] == [[102, held[0] - 1]]
    outbox.close()
    # Counted across restarts.
    assert Outbox(tmp_path / "outbox.db", at(9), machine="m").lost()[outbox.boot] == lost


def test_the_connection_number_grows_across_boots(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "outbox.db", at(0))
    assert [first.next_connection(), first.next_connection()] == [1, 2]
    first.close()
    assert Outbox(tmp_path / "outbox.db", at(0)).next_connection() == 3


def test_very_many_readings_become_several_rows() -> None:
    outbox = Outbox(None, at(0))
    rows = outbox.write([reading(f"centre/call-{n}") for n in range(450)], at(1))
    assert [row.readings for row in rows] == [200, 200, 50]
    assert seqs(rows) == [1, 2, 3]
    with pytest.raises(ValueError, match=r"call-01: .* at most"):
        outbox.write_event(Event("call-01", "call_terminal", "help_call", 0.0, {"x": "y" * 100_000}), at(1))


@pytest.mark.parametrize("damage", ["garbage", "torn"])
def test_a_broken_file_is_kept_aside_and_begun_afresh(tmp_path: Path, damage: str) -> None:  # fault 30
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, at(0))
    for number in range(200):
        outbox.write([reading(note="x" * 500)], at(number))
    outbox.close()
    whole = path.read_bytes()
    path.write_bytes(
        b"no database at all" * 100 if damage == "garbage" else whole[:4096] + b"\xff" * (len(whole) - 4096)
    )
    again = Outbox(path, at(300))
    (row,) = again.write([reading(taken_s=301)], at(301))
    assert seqs(reports(again)) == [row.seq]
    assert again.broken == 1
    assert again.trouble == ""
    assert [found.name for found in tmp_path.glob("*.broken-*")] == ["outbox.broken-1.db"]
    again.close()
    third = Outbox(path, at(400))
    assert (third.broken, seqs(reports(third))) == (1, [row.seq])


def test_a_file_that_breaks_while_in_use_costs_nothing_that_comes_after(tmp_path: Path) -> None:  # fault 30
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, at(0))
    for number in range(400):
        outbox.write([reading(note="x" * 500)], at(number))
    outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    outbox._db.execute("PRAGMA cache_size = 0")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    for number in range(500, 510):
        outbox.write([reading(note="after")], at(number))
    assert outbox.broken == 1
    assert seqs(reports(outbox))[-10:] == list(range(401, 411))


def test_a_disk_that_cannot_be_written_costs_nothing_that_is_fresh(tmp_path: Path) -> None:  # fault 32
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, at(0), machine="m")
    outbox.write([reading(taken_s=1)], at(1))
    outbox._db.execute("PRAGMA query_only = ON")  # as SQLite sees a card that turned read-only
    outbox.write([reading(taken_s=2)], at(2))
    assert "attempt to write a readonly database" in outbox.trouble
    outbox.write_event(Event("call-01", "call_terminal", "help_call", 3.0), at(3))
    assert seqs(reports(outbox)) == [1, 2]
    assert outbox.next_connection() == 1
    assert outbox.retry_disk()
    assert outbox.trouble == ""
    outbox.write([reading(taken_s=4)], at(4))
    outbox.close()
    again = Outbox(path, at(5), machine="m")
    assert seqs(reports(again)) == [1, 2, 4]
    assert seqs(again.unsent(events=True, after_id=0, limit=10)) == [3]


def test_a_state_directory_that_cannot_be_made_is_no_reason_to_stop(tmp_path: Path) -> None:  # fault 32
    (tmp_path / "state").write_text("a file where the directory should be")
    outbox = Outbox(tmp_path / "state" / "outbox.db", at(0))
    assert outbox.trouble
    assert seqs(outbox.write([reading()], at(1))) == [1]
    assert not outbox.retry_disk()


@pytest.mark.slow
def test_two_agents_do_not_share_an_outbox(tmp_path: Path) -> None:
    held = Outbox(tmp_path / "outbox.db", at(0))
    program = (
        "import sys; from pathlib import Path; from edge.outbox import Outbox; from edge.files import OutboxBusyError\n"
        "from shouwang.clock import SystemClock\n"
        "try: Outbox(Path(sys.argv[1]), SystemClock().now())\n"
        "except OutboxBusyError as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "outbox.db"], capture_output=True, text=True, check=True, timeout=20
    )
    assert "another agent uses this state directory" in said.stdout
    held.close()


def test_the_schema_of_another_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    Outbox(path, at(0)).close()
    db = files.open_file(path).db
    db.execute("PRAGMA user_version = 99")
    db.close()
    outbox = Outbox(path, at(0))
    assert "written by another version of the agent (schema 99)" in outbox.trouble
