"""What is particular to the embedded store: its file, its columns, its hours and its retention."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from shouwang.kinds import Field, FieldType, Kinds, Label
from shouwang.readings.embedded import EmbeddedStore
from shouwang.readings.store import Retention, Stored, StoreUnavailable
from tests.readings.made import DAY_MS, HOUR_MS, KINDS, stored

T = 1_790_000_000_000 - 1_790_000_000_000 % DAY_MS
ONE = ("150525100201", "call-terminal-01", "call_terminal")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


@pytest.fixture
def store(path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(path, KINDS, retention=Retention(raw_days=8, hourly_days=20))
    yield opened
    opened.close()


def maintain(store: EmbeddedStore, now_ms: int) -> None:
    for _ in range(10_000):
        if not store.maintain(now_ms):
            return
    pytest.fail("maintenance never ends")


def test_the_position_goes_with_the_batch_or_not_at_all(store: EmbeddedStore, path: Path) -> None:
    assert store.position() == 0
    store.write([stored("camera", T, fps=25.0)], position=17)
    assert store.position() == 17
    blocker = sqlite3.connect(path, timeout=0.1)
    blocker.execute("pragma user_version")
    store._writer.execute("pragma busy_timeout=50")  # type: ignore[union-attr]
    blocker.execute("begin immediate")  # fault 29: a backup or a migration holds the lock
    with pytest.raises(StoreUnavailable, match="locked"):
        store.write([stored("camera", T + 1000, fps=24.0)], position=18)
    blocker.rollback()
    assert store.position() == 17
    assert [p.taken_at_ms for p in store.points("150525100201", "camera-01", "camera", T, T + HOUR_MS, 10)] == [T]
    store.write([stored("camera", T + 1000, fps=24.0)], position=18)
    assert store.position() == 18
    blocker.close()


def test_a_full_disk_keeps_what_is_there_and_says_so(store: EmbeddedStore) -> None:  # fault 28
    writer = store._writer
    assert writer is not None
    store.write([stored("camera", T, fps=25.0)], position=1)
    pages = writer.execute("pragma page_count").fetchone()[0]
    writer.execute(f"pragma max_page_count={pages}")
    many = [stored("camera", T + n, fps=25.0) for n in range(5000)]
    with pytest.raises(StoreUnavailable, match="full"):
        store.write(many, position=2)
    assert store.position() == 1
    writer.execute("pragma max_page_count=1000000")
    store.write(many, position=2)
    assert store.position() == 2


def test_a_kind_that_gains_a_field_gains_a_column(path: Path) -> None:
    store = EmbeddedStore(path, KINDS)
    store.write([stored("camera", T, fps=25.0)])
    store.close()
    camera = KINDS.declared["camera"]
    field = Field(type=FieldType.FLOAT, label=Label(zh="温度", en="Temperature"))
    grown = Kinds(
        {**KINDS.declared, "camera": msgspec.structs.replace(camera, fields={**camera.fields, "order": field})}
    )
    old_reader = EmbeddedStore(path, KINDS, writable=False)
    store = EmbeddedStore(path, grown)
    reading = grown.types["camera"](device="camera-01", fps=24.0, order=31.5)
    store.write([Stored("150525100201", "camera-01", "camera", T + 1, reading)])
    points = store.points("150525100201", "camera-01", "camera", T, T + HOUR_MS, 10)
    assert [point.fields for point in points] == [{"fps": 25.0}, {"fps": 24.0, "order": 31.5}]
    assert len(old_reader.points("150525100201", "camera-01", "camera", T, T + HOUR_MS, 10)) == 2
    store.close()
    old_reader.close()


def test_a_reader_may_come_before_the_recorder(path: Path) -> None:
    reader = EmbeddedStore(path, KINDS, writable=False)
    reader.check()
    assert reader.latest([ONE]) == {}
    assert reader.position() == 0
    assert reader.means(*ONE, T, T + HOUR_MS, 60_000) == []
    with pytest.raises(StoreUnavailable, match="reading only"):
        reader.write([stored("camera", T)])
    store = EmbeddedStore(path, KINDS)
    store.write([stored("call_terminal", T, battery_percent=87)])
    assert reader.latest([ONE])[ONE[:2]].fields == {"battery_percent": 87.0}
    store.close()
    reader.close()


def test_hours_are_taken_once_complete_and_again_when_a_late_reading_comes(store: EmbeddedStore, path: Path) -> None:
    store.write([stored("call_terminal", T + n * 60_000, battery_percent=30 + n) for n in range(60)])
    maintain(store, T + HOUR_MS)  # the hour has just ended: what is on its way arrives first
    assert hours(path) == []
    maintain(store, T + HOUR_MS + 700_000)
    assert hours(path) == [(T, 60, 30.0, 89.0)]
    store.write([stored("call_terminal", T + 30, battery_percent=1)])
    maintain(store, T + HOUR_MS + 700_000)
    assert hours(path) == [(T, 61, 1.0, 89.0)]


def test_a_reading_that_comes_while_its_hour_is_being_taken_counts(store: EmbeddedStore, path: Path) -> None:
    store.write([stored("call_terminal", T, battery_percent=50)])
    later = T + HOUR_MS + 700_000
    assert store.maintain(later)  # the hour is announced, and not yet taken
    store.write([stored("call_terminal", T + 1, battery_percent=40)])
    maintain(store, later)
    assert hours(path) == [(T, 2, 40.0, 50.0)]


def test_old_readings_go_their_hours_stay_and_the_answer_is_the_same(store: EmbeddedStore, path: Path) -> None:
    store.write(
        [stored("call_terminal", T + n * 600_000, battery_percent=n % 100, mains_power=n % 3 == 0) for n in range(900)]
    )
    before = store.means(*ONE, T, T + 7 * DAY_MS, DAY_MS)
    assert len(before) == 7  # days of Shanghai, the first begins before T
    now = T + 10 * DAY_MS
    maintain(store, now)
    floor = T + 2 * DAY_MS
    raw = store.points(*ONE, T, now, 10_000)
    assert raw[0].taken_at_ms == floor
    after = store.means(*ONE, T, T + 7 * DAY_MS, DAY_MS)
    assert after == before
    refused = store.write([stored("call_terminal", floor - 1, battery_percent=3), stored("call_terminal", floor)])
    assert [each.stored.taken_at_ms for each in refused] == [floor - 1]
    assert "8 days" in refused[0].reason
    maintain(store, T + 60 * DAY_MS)
    assert hours(path) == []
    assert store.points(*ONE, 0, T + 60 * DAY_MS, 10_000) == []


def test_many_devices_are_taken_in_slices(store: EmbeddedStore, path: Path) -> None:
    store.write([stored("call_terminal", T + n, device=f"call-{n}", battery_percent=50) for n in range(4500)])
    slices = 0
    while store.maintain(T + HOUR_MS + 700_000):
        slices += 1
    assert slices >= 3
    assert len(hours(path)) == 4500


def test_a_bad_value_costs_itself_alone(store: EmbeddedStore) -> None:
    good = [stored("site", T + n, outbox_pending=n) for n in range(10)]
    good[4].reading.outbox_pending = 2**70  # the wire would refuse it; another writer might not
    refused = store.write(good, position=5)
    assert [each.stored for each in refused] == [good[4]]
    assert store.position() == 5
    assert len(store.points("150525100201", "site-01", "site", T, T + 100, 100)) == 9


def test_readers_of_many_threads_never_wait_for_the_writer(store: EmbeddedStore) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                store.latest([ONE])
                store.means(*ONE, T, T + HOUR_MS, 60_000)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for n in range(100):
        store.write([stored("call_terminal", T + n, battery_percent=50)], position=n)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.latest([ONE])[ONE[:2]].taken_at_ms == T + 99


def hours(path: Path) -> list[tuple[int, int, float, float]]:
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "select t, count, battery_percent_min, battery_percent_max from hourly_call_terminal order by device_id, t"
        ).fetchall()
    db.close()
    return rows
