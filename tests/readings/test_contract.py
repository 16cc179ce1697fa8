"""What holds of both stores: the same readings give the same answers."""

import random
from typing import Any

import pytest

from shouwang.clock import wall_ms
from shouwang.readings import Mean, Point, ReadingStore, Stored, StoreUnavailable
from tests.readings.conftest import Opener
from tests.readings.made import DAY_MS, HOUR_MS, KINDS, stored

NOW = wall_ms()
T = NOW - NOW % HOUR_MS - 5 * DAY_MS
CENTRE = "150525100201"
CALL = (CENTRE, "call-terminal-01", "call_terminal")
ATM = (CENTRE, "atm-01", "atm")


def points(store: ReadingStore, of: tuple[str, str, str] = CALL, limit: int = 10_000) -> list[Point]:
    return store.points(*of, T - 30 * DAY_MS, NOW, limit)


def maintain(store: ReadingStore, now_ms: int) -> None:
    for _ in range(2_000):
        if not store.maintain(now_ms):
            return
    pytest.fail("maintenance never ends")


def test_every_type_of_field_comes_back_as_it_was(open_any: Opener) -> None:
    store = open_any()
    units = [{"unit": 'a"1\\', "replenishment": "low", "status": "ok"}, {"unit": "中文", "status": "missing"}]
    full: dict[str, Any] = {
        "reachable": True,
        "latency_ms": 12.5,
        "host_link": False,
        "device_status": "online",
        "cash_units": units,
    }
    assert store.write([stored("atm", T, **full)]) == []
    assert store.write([stored("site", T, outbox_pending=17, agent_version='1.0 "x"\\', clock_offset_ms=-3)]) == []
    (point,) = points(store, ATM)
    assert point.taken_at_ms == T
    assert point.fields == full
    (site,) = points(store, (CENTRE, "site-01", "site"))
    assert site.fields == {"outbox_pending": 17, "agent_version": '1.0 "x"\\', "clock_offset_ms": -3.0}
    assert type(site.fields["outbox_pending"]) is int
    assert type(site.fields["clock_offset_ms"]) is float


def test_points_are_of_a_half_open_range_oldest_first_and_the_newest_of_many(open_any: Opener) -> None:
    store = open_any()
    store.write([stored("call_terminal", T + n * 1000, battery_percent=10 * n) for n in range(10)])
    assert [p.taken_at_ms for p in store.points(*CALL, T + 2000, T + 5000, 100)] == [T + 2000, T + 3000, T + 4000]
    newest = store.points(*CALL, T, T + 10_000, 3)
    assert [p.fields["battery_percent"] for p in newest] == [70.0, 80.0, 90.0]
    assert store.points(*CALL, T + 5000, T + 5000, 3) == []
    assert store.points(CENTRE, "other", "call_terminal", T, NOW, 3) == []
    assert store.points(CENTRE, "other", "no_such_kind", T, NOW, 3) == []


def test_writing_twice_is_harmless(open_any: Opener) -> None:
    store = open_any()
    batch = [stored("call_terminal", T + n * 30_000, battery_percent=50 + n // 3 * 5, tamper=n > 5) for n in range(10)]
    store.write(batch)
    before = points(store)
    store.write(batch)
    store.write(batch[3:])
    assert points(store) == before
    assert len(before) == 10


def test_what_is_unchanged_and_what_is_gone_are_told_apart(open_any: Opener) -> None:
    store = open_any()
    sent: list[dict[str, Any]] = [
        {"reachable": True, "latency_ms": 10.0, "mains_power": True},
        {"reachable": True, "latency_ms": 10.0, "mains_power": True},
        {"reachable": False, "mains_power": True},
        {"reachable": False, "mains_power": True},
        {"reachable": True, "latency_ms": 10.0},
        {},
        {"reachable": True},
    ]
    for n, fields in enumerate(sent):
        store.write([stored("call_terminal", T + n * 30_000, **fields)])
        assert points(store)[-1].fields == fields
        assert store.latest([CALL]) == {CALL[:2]: Point(T + n * 30_000, fields)}
    assert [p.fields for p in points(store)] == sent
    assert [p.fields for p in store.points(*CALL, T + 30_000, T + 60_000, 5)] == sent[1:2]


def test_a_backlog_behind_newer_readings_changes_none_of_them(open_any: Opener) -> None:
    store = open_any()
    live = [stored("call_terminal", T + n * 30_000, battery_percent=80) for n in range(6)]
    late = [stored("call_terminal", T + n * 30_000 + 7_000, battery_percent=20 + n) for n in range(6)]
    store.write(live[:5])
    store.write(late[:4])
    store.write(live[5:])
    found = {point.taken_at_ms: point.fields["battery_percent"] for point in points(store)}
    assert [found[each.taken_at_ms] for each in live] == [80.0] * 6
    assert [found[each.taken_at_ms] for each in late[:4]] == [20.0, 21.0, 22.0, 23.0]
    assert store.latest([CALL])[CALL[:2]].fields == {"battery_percent": 80.0}


def test_latest_of_many_devices_of_many_kinds(open_any: Opener) -> None:
    store = open_any()
    asked = []
    batch = []
    for n in range(250):
        kind = ["call_terminal", "camera"][n % 2]
        device = f"d-{n}"
        asked.append((f"c{n // 10}", device, kind))
        batch += [
            stored(kind, T + n + 30_000 * k, centre=f"c{n // 10}", device=device, latency_ms=float(n)) for k in range(2)
        ]
    store.write(batch)
    found = store.latest([*asked, ("c0", "never", "camera")])
    assert len(found) == 250
    assert found["c7", "d-77"] == Point(T + 77 + 30_000, {"latency_ms": 77.0})


def test_means_by_step(open_any: Opener) -> None:
    store = open_any()
    store.write(
        [
            stored("call_terminal", T, battery_percent=10, mains_power=True),
            stored("call_terminal", T + 10_000, battery_percent=20, mains_power=False),
            stored("call_terminal", T + 20_000, battery_percent=60, mains_power=True),
            stored("call_terminal", T + 60_000, mains_power=True),
            stored("call_terminal", T + 180_000, battery_percent=5),
        ]
    )
    assert store.means(*CALL, T, T + 180_000, 60_000) == [
        Mean(
            T,
            3,
            {"battery_percent": 30.0, "mains_power": 2 / 3},
            {"battery_percent": 10.0, "mains_power": 0.0},
            {"battery_percent": 60.0, "mains_power": 1.0},
        ),
        Mean(T + 60_000, 1, {"mains_power": 1.0}, {"mains_power": 1.0}, {"mains_power": 1.0}),
    ]
    days = store.means(*CALL, T - DAY_MS, T + DAY_MS, DAY_MS)
    assert [(day.from_ms + 8 * HOUR_MS) % DAY_MS for day in days] == [0]  # a day of Shanghai
    with pytest.raises(ValueError, match="under a second"):
        store.means(*CALL, T, NOW, 10)
    with pytest.raises(ValueError, match="over 20000 steps"):
        store.means(*CALL, T, NOW, 1000)


def test_readings_older_than_what_is_kept_are_refused_and_the_rest_stored(open_any: Opener) -> None:
    store = open_any()
    store.write([stored("call_terminal", NOW - 20 * DAY_MS, battery_percent=1)])
    maintain(store, NOW)
    old = stored("call_terminal", NOW - 40 * DAY_MS, battery_percent=2)
    good = [stored("call_terminal", T + n, battery_percent=3) for n in range(5)]
    refused = store.write([good[0], old, *good[1:]])
    assert [each.stored for each in refused] == [old]
    assert "older than" in refused[0].reason
    assert len(points(store)) == 6


def test_a_kind_that_is_not_installed_is_refused(open_any: Opener) -> None:
    store = open_any()
    good = stored("call_terminal", T)
    alien = Stored("c", "d", "radio", T, good.reading)
    assert [each.stored for each in store.write([alien, good])] == [alien]
    assert len(points(store)) == 1


def test_a_reader_sees_what_the_recorder_wrote_and_may_not_write(open_any: Opener) -> None:
    store = open_any()
    reader = open_any(writable=False)
    reader.check()
    store.check()
    store.write([stored("call_terminal", T, battery_percent=1)])
    assert len(points(reader)) == 1
    with pytest.raises(StoreUnavailable, match="reading only"):
        reader.write([stored("call_terminal", T + 1)])


@pytest.mark.system
def test_both_give_the_same_answers(open_embedded: Opener, open_influx: Opener) -> None:
    embedded, influx = open_embedded(), open_influx()
    history = noisy_history(random.Random(7), 4 * 24)
    for store in (embedded, influx):
        for start in range(0, len(history), 500):
            assert store.write(history[start : start + 500]) == []
    assert_alike(embedded, influx)
    for store in (embedded, influx):
        maintain(store, T + 6 * DAY_MS)
    assert_alike(embedded, influx)
    late = [stored("call_terminal", T + n * 60_000 + 5, battery_percent=99, latency_ms=400.0) for n in range(50)]
    for store in (embedded, influx):
        store.write(late)
        maintain(store, T + 6 * DAY_MS)
    assert_alike(embedded, influx)


def noisy_history(chance: random.Random, quarters: int) -> list[Stored]:
    """A call terminal for `quarters` of an hour, reporting each half minute or so: noise, steps, gaps, silences."""
    history: list[Stored] = []
    at, battery, latency = T, 90.0, 20.0
    while at < T + quarters * 900_000:
        at += chance.choice([30_000, 30_000, 30_000, 31_000, 400_000, 7_200_000 if chance.random() < 0.02 else 30_000])
        battery = min(100.0, max(0.0, battery + chance.uniform(-0.7, 0.6)))
        latency = max(0.0, latency + chance.uniform(-4, 4))
        fields: dict[str, Any] = {"reachable": True, "latency_ms": latency, "battery_percent": battery}
        if chance.random() < 0.1:
            del fields["latency_ms"]
            fields["reachable"] = False
        if chance.random() < 0.5:
            fields["signal_dbm"] = -70.0 + chance.uniform(-4, 4)
        history.append(stored("call_terminal", at, **fields))
    return history


def assert_alike(one: ReadingStore, other: ReadingStore) -> None:
    """Alike to within each field's deadband."""
    deadbands = {name: field.deadband for name, field in KINDS.declared["call_terminal"].fields.items()}

    def near(name: str, a: Any, b: Any) -> bool:
        same = a == b if isinstance(a, bool | str) else abs(a - b) <= deadbands[name] + 1e-9
        return bool(same)

    first, second = points(one), points(other)
    assert [p.taken_at_ms for p in first] == [p.taken_at_ms for p in second]
    for a, b in zip(first, second, strict=True):
        assert a.fields.keys() == b.fields.keys()
        assert all(near(name, a.fields[name], b.fields[name]) for name in a.fields), (a, b)
    assert one.latest([CALL]).keys() == other.latest([CALL]).keys()
    assert one.latest([CALL])[CALL[:2]].taken_at_ms == other.latest([CALL])[CALL[:2]].taken_at_ms
    for from_ms, to_ms, every_ms in (
        (T, T + DAY_MS, 60_000),
        (T + 5 * 60_000, T + DAY_MS, 900_000),
        (T, T + 5 * DAY_MS, HOUR_MS),
        (T, T + 5 * DAY_MS, 6 * HOUR_MS),
        (T, T + 5 * DAY_MS, DAY_MS),
    ):
        ours = one.means(*CALL, from_ms, to_ms, every_ms)
        theirs = other.means(*CALL, from_ms, to_ms, every_ms)
        assert [(m.from_ms, m.count) for m in ours] == [(m.from_ms, m.count) for m in theirs]
        for a_mean, b_mean in zip(ours, theirs, strict=True):
            for figures, others in (
                (a_mean.mean, b_mean.mean),
                (a_mean.min, b_mean.min),
                (a_mean.max, b_mean.max),
            ):
                assert figures.keys() == others.keys()
                assert all(near(name, figures[name], others[name]) for name in figures)
