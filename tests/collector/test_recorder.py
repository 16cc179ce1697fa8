"""The recorder on real files: journal, ledger, embedded store, recorder.db; time is an argument."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, insert, update

from collector.journal import Journal, Row
from collector.recorder import Recorder, run_recorder
from collector.recorder.file import RecorderFile, RecorderState, read_asides, read_state
from collector.recorder.journal import JournalSource
from collector.recorder.names import Names
from collector.recorder.sorting import taken_at_ms
from shouwang.clock import Now, SystemClock
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.tables import Centre, Device, Meta
from shouwang.readings.embedded import EmbeddedStore
from shouwang.readings.store import Retention

KINDS = Kinds()
T = 1_790_000_000_000
CENTRE = "150525100201"
CALL = (CENTRE, "call-07", "call_terminal")
BOOT = "0b4ad2a2-0000-4000-8000-000000000001"


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = Now(1000.0, T)

    def now(self) -> Now:
        return self.at

    def move(self, seconds: float) -> None:
        self.at = Now(self.at.mono_s + seconds, self.at.wall_ms + round(seconds * 1000))


class House:
    """A state directory with a fleet, a journal, and a recorder that can be started anew."""

    def __init__(self, state_dir: Path) -> None:
        self.dir = state_dir
        self.clock = HandClock()
        self.journal = Journal(state_dir / "journal.db")
        self.engine: Engine = open_engine(sqlite_url(state_dir / "ledger.db"))
        upgrade(self.engine)
        with self.engine.begin() as connection:
            connection.execute(insert(Centre).values(centre=CENTRE, region="150525"))
            self.add(connection, "call-07", "call_terminal")
            self.add(connection, "camera-01", "camera")
            self.add(connection, "call-30", "call_terminal", path="call-platform")
            connection.execute(insert(Meta).values(key="fleet_revision", value="1"))
        self.seq = 0
        self.start()

    @staticmethod
    def add(connection: Any, device: str, kind: str, path: str = CENTRE) -> None:
        connection.execute(insert(Device).values(centre=CENTRE, device=device, kind=kind, path=path))

    def start(self) -> None:
        self.store = EmbeddedStore(self.dir / "readings.db", KINDS, retention=Retention(raw_days=30))
        source = JournalSource(self.dir / "journal.db")
        self.recorder = Recorder(source, self.store, Names(self.engine), KINDS, RecorderFile(self.dir), self.clock)

    def hear(self, *readings: dict[str, Any], path: str = CENTRE, received_ms: int = T, held_ms: int = 0) -> int:
        """A report comes in; gives its position in the journal."""
        self.seq += 1
        body = {"v": 1, "boot": BOOT, "seq": self.seq, "oldest": 1, "sent_at_ms": 0, "readings": list(readings)}
        row = Row("report", "150525", path, received_ms, 0, held_ms, msgspec.json.encode(body))
        return self.journal.append([row])

    def drain(self) -> None:
        for _ in range(100):
            if self.recorder.turn() > 0:
                return
        pytest.fail("the recorder finds no end")

    def of(self, device: str = "call-07", kind: str = "call_terminal") -> list[tuple[int, dict[str, Any]]]:
        points = self.store.points(CENTRE, device, kind, 0, 2 * T, 1000)
        return [(point.taken_at_ms, point.fields) for point in points]

    def close(self) -> None:
        self.recorder.close()
        self.journal.close()
        self.engine.dispose()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def call(age_ms: int | None = 0, device: str = "call-07", **fields: Any) -> dict[str, Any]:
    return {"device": device, "kind": "call_terminal", "age_ms": age_ms, **fields}


@pytest.mark.parametrize(
    ("received_ms", "held_ms", "age_ms", "expected"),
    [(T, 0, 0, T), (T, 0, 840, T - 840), (T, 3000, 840, T - 3840), (T, -5000, 10, T - 10)],
)
def test_a_reading_was_taken_before_it_was_held_and_received(
    received_ms: int, held_ms: int, age_ms: int, expected: int
) -> None:
    assert taken_at_ms(received_ms, held_ms, age_ms) == expected


def test_readings_are_stored_at_the_time_they_were_taken(house: House) -> None:
    house.hear(call(840, battery_percent=87), received_ms=T, held_ms=2000)
    house.hear(call(0, battery_percent=86), received_ms=T + 30_000)
    house.drain()
    assert house.of() == [(T - 2840, {"battery_percent": 87.0}), (T + 30_000, {"battery_percent": 86.0})]
    assert house.recorder.state.stored == 2


def test_a_feed_speaks_for_the_devices_that_name_it_and_no_others(house: House) -> None:
    house.hear(
        call(device=f"{CENTRE}/call-30", battery_percent=50),
        call(device=f"{CENTRE}/call-07", battery_percent=51),
        path="call-platform",
    )
    house.hear(call(device="call-30", battery_percent=52))
    house.drain()
    assert house.of("call-30") == [(T, {"battery_percent": 50.0})]
    assert house.of("call-07") == []
    assert house.recorder.state.unregistered == 2


def test_a_reading_without_a_time_is_kept_aside(house: House) -> None:
    position = house.hear(call(None, battery_percent=87), call(10, battery_percent=88))
    house.drain()
    assert house.of() == [(T - 10, {"battery_percent": 88.0})]
    (aside,) = read_asides(house.dir)
    assert (aside.position, aside.reason, aside.centre, aside.device) == (position, "time_unknown", CENTRE, "call-07")
    assert msgspec.json.decode(aside.reading)["battery_percent"] == 87.0
    assert house.recorder.state.aside == {"time_unknown": 1}


def test_what_the_store_refuses_is_kept_aside_and_the_rest_stored(house: House) -> None:
    wrong = {"device": "call-07", "kind": "camera", "age_ms": 0, "fps": 25}
    house.hear(call(battery_percent=87), wrong)
    house.drain()
    house.clock.move(40 * 86_400)
    while house.store.maintain(house.clock.now().wall_ms):
        pass
    old_ms = 39 * 86_400_000
    house.hear(call(old_ms, battery_percent=1), call(0, battery_percent=2), received_ms=house.clock.now().wall_ms)
    house.drain()
    assert [aside.reason for aside in read_asides(house.dir)] == ["refused_by_store", "wrong_kind"]
    assert "30 days" in read_asides(house.dir)[0].detail
    assert house.of()[-1] == (house.clock.now().wall_ms, {"battery_percent": 2.0})
    assert house.recorder.state.stored == 2


def test_malformed_rows_are_passed_over(house: House) -> None:
    house.journal.append([Row("report", "150525", CENTRE, T, 0, 0, b"\xff{not json")])
    house.hear(call(battery_percent="much"), call(battery_percent=87))
    house.drain()
    assert house.of() == [(T, {"battery_percent": 87.0})]
    assert house.recorder.state.position == house.journal.last


def test_other_channels_are_passed_and_a_probes_answer_is_a_reading(house: House) -> None:
    reply = {"v": 1, "id": "1", "ok": True, "reading": call(0, battery_percent=12)}
    house.journal.append(
        [
            Row("presence", "150525", CENTRE, T, 0, 0, b"{}"),
            Row("reply", "150525", CENTRE, T, 0, 0, msgspec.json.encode(reply)),
            Row("reply", "150525", CENTRE, T, 0, 0, b'{"v":1,"id":"2","ok":false,"reason":"no answer"}'),
            Row("event", "150525", CENTRE, T, 0, 0, b"{}"),
        ]
    )
    house.drain()
    assert house.of() == [(T, {"battery_percent": 12.0})]
    house.clock.move(10)
    house.drain()
    assert house.journal.cursor("readings") == house.journal.last


def test_a_device_added_to_the_fleet_is_recorded_from_then_on(house: House) -> None:
    house.hear(call(device="call-99", battery_percent=1))
    house.drain()
    with house.engine.begin() as connection:
        house.add(connection, "call-99", "call_terminal")
        connection.execute(update(Meta).where(Meta.key == "fleet_revision").values(value="2"))
    house.hear(call(device="call-99", battery_percent=2), received_ms=T + 1)
    house.drain()
    assert house.of("call-99") == [(T + 1, {"battery_percent": 2.0})]


def test_the_journal_lets_go_only_of_what_is_settled(house: House) -> None:
    last = [house.hear(call(n)) for n in range(5)][-1]
    house.drain()
    assert house.journal.cursor("readings") == last  # the first turn settles at once
    last = house.hear(call(7))
    house.drain()
    assert house.journal.cursor("readings") == last - 1
    house.clock.move(6)
    house.drain()
    assert house.journal.cursor("readings") == last
    assert house.journal.prune(last) == last


def test_a_store_that_cannot_be_written_to_is_said_and_caught_up_with(house: House) -> None:  # fault 25, 29
    house.hear(call(1))
    house.drain()
    blocker = sqlite3.connect(house.dir / "readings.db", isolation_level=None)
    house.store._writer.execute("pragma busy_timeout=20")  # type: ignore[union-attr]
    blocker.execute("begin immediate")
    house.clock.move(30)
    house.hear(call(2), received_ms=house.clock.now().wall_ms - 20_000)
    waits = [house.recorder.turn() for _ in range(8)]
    assert waits[0] <= 1.2
    assert waits[4] > 8
    assert max(waits) <= 72
    house.clock.move(30)
    house.recorder.turn()
    state = read_state(house.dir)
    assert state is not None
    assert "locked" in state.reason
    assert state.failing_since_ms == T + 30_000
    assert (state.lag_rows, state.lag_ms) == (1, 50_000)
    blocker.execute("rollback")
    blocker.close()
    house.drain()
    state = read_state(house.dir)
    assert state is not None
    assert (state.failing_since_ms, state.reason, state.lag_rows) == (None, "", 0)
    assert len(house.of()) == 2


def test_nothing_doubles_after_a_restart_and_counts_go_on(house: House) -> None:
    for n in range(10):
        house.hear(call(n, battery_percent=n))
    house.drain()
    house.recorder.close()
    house.hear(call(0, battery_percent=50), received_ms=T + 500)
    house.start()
    house.drain()
    assert len(house.of()) == 11
    assert house.recorder.state.stored == 11


def test_a_new_journal_is_read_from_its_beginning(house: House) -> None:
    for n in range(10):
        house.hear(call(n))
    house.drain()
    house.recorder.close()
    house.journal.close()
    for file in house.dir.glob("journal.db*"):
        file.unlink()
    house.journal = Journal(house.dir / "journal.db")
    house.hear(call(0, battery_percent=50), received_ms=T + 500)
    house.start()
    house.drain()
    assert house.of()[-1] == (T + 500, {"battery_percent": 50.0})


RECORDS_UNTIL_KILLED = """
import sys, threading
from pathlib import Path
from collector.recorder import run_recorder
from shouwang.clock import SystemClock
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.readings import open_store

state = Path(sys.argv[1])
kinds = Kinds()
run_recorder(state, state / "journal.db", open_engine(sqlite_url(state / "ledger.db")),
             lambda: open_store(None, state, kinds, writable=True), kinds, SystemClock(), threading.Event())
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_kill_9_at_any_moment_loses_and_doubles_nothing(house: House) -> None:  # fault 2, for readings
    now_ms = SystemClock().now().wall_ms
    house.recorder.close()
    total = 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", RECORDS_UNTIL_KILLED, str(house.dir)])
        begun = stored = stored_in(house.dir)
        while stored < begun + 2000:  # the test's own time limit ends this
            if total * 50 - stored < 3000:
                house.hear(*[call(n, battery_percent=50) for n in range(50)], received_ms=now_ms + 50 * total)
                total += 1
            else:
                child_is_alive(child)
            stored = stored_in(house.dir)
        child.kill()
        child.wait()
    house.start()
    house.drain()
    assert stored_in(house.dir) == total * 50
    assert house.store.position() == house.journal.last


def child_is_alive(child: subprocess.Popen[bytes]) -> None:
    """Gives it a moment."""
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.02)


def stored_in(state_dir: Path) -> int:
    db = sqlite3.connect(state_dir / "readings.db")
    try:
        return int(db.execute("select count(*) from reading_call_terminal").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not yet made
    finally:
        db.close()


@pytest.mark.slow
def test_the_process_waits_for_its_journal_and_says_so(tmp_path: Path) -> None:
    stop = threading.Event()
    engine = open_engine(sqlite_url(tmp_path / "ledger.db"))
    upgrade(engine)
    turns: list[int] = []
    heard = threading.Event()

    def alive() -> None:
        turns.append(1)
        state = read_state(tmp_path)
        if state is not None and state.failing_since_ms is not None:
            heard.set()

    thread = threading.Thread(
        target=run_recorder,
        args=(
            tmp_path,
            tmp_path / "journal.db",
            engine,
            lambda: EmbeddedStore(tmp_path / "readings.db", KINDS),
            KINDS,
            SystemClock(),
            stop,
            alive,
        ),
    )
    thread.start()
    try:
        assert heard.wait(10)
        state = read_state(tmp_path)
        assert isinstance(state, RecorderState)
        assert "journal.db" in state.reason
        journal = Journal(tmp_path / "journal.db")
        body = {"v": 1, "boot": BOOT, "seq": 1, "oldest": 1, "sent_at_ms": 0, "readings": []}
        last = journal.append([Row("report", "150525", CENTRE, T, 0, 0, msgspec.json.encode(body))])
        waiting = threading.Event()
        for _ in range(200):
            if journal.cursor("readings") == last:
                break
            waiting.wait(0.05)
        assert journal.cursor("readings") == last
        journal.close()
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()
    state = read_state(tmp_path)
    assert state is not None
    assert state.failing_since_ms is None
    engine.dispose()
