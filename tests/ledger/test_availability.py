"""Availability from the ledger, on both engines: what counts, for whom, and in how many queries."""

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, update

from shouwang.fleet import FleetRow
from shouwang.kinds import load
from shouwang.ledger.availability import Availability, By, availability
from shouwang.ledger.fleet import import_fleet
from shouwang.ledger.tables import Centre, Correction, Device, DeviceCondition, Maintenance, Transition
from shouwang.ledger.views.scope import HOUSE, Scope

KINDS = load()
HOUR = 3_600_000
FROM = 1_790_000_000_000
TO = FROM + 24 * HOUR


@pytest.fixture
def ids(engine: Engine) -> dict[str, int]:
    """Two townships, three centres, a call terminal and a camera each."""
    rows = [
        FleetRow(centre, device, kind, "150525", township=township, township_name=f"乡{township}", centre_name=centre)
        for township, centre in (("t1", "a"), ("t1", "b"), ("t2", "c"))
        for device, kind in (("call-01", "call_terminal"), ("cam-01", "camera"))
    ]
    import_fleet(engine, rows, FROM - 100 * HOUR)
    with engine.connect() as connection:
        found = connection.execute(Device.__table__.select()).all()
    return {f"{row.centre}/{row.device}": row.id for row in found}


def heard(connection: Connection, device_id: int, at: int = FROM - 50 * HOUR) -> None:
    connection.execute(
        insert(DeviceCondition).values(device_id=device_id, condition="ok", since=at, first_heard_at=at, good_at=at)
    )
    became(connection, device_id, at, "ok")


def became(connection: Connection, device_id: int | None, at: int, condition: str, path: str = "a") -> None:
    connection.execute(
        insert(Transition).values(device_id=device_id, path=path, condition=condition, at=at, known_at=at)
    )


def lines(engine: Engine, by: By, from_ms: int = FROM, to_ms: int = TO, now_ms: int = TO, **which: Any) -> Any:
    scope = which.pop("scope", HOUSE)
    with engine.connect() as connection:
        found = availability(connection, KINDS, by, from_ms, to_ms, now_ms, scope=scope, **which)
    return {line.key: hours(line) for line in found}


def hours(line: Availability) -> dict[str, float]:
    return {condition: value / 3600 for condition, value in line.seconds.items() if value}


def test_each_way_of_grouping(engine: Engine, ids: dict[str, int]) -> None:
    with engine.begin() as connection:
        for device_id in ids.values():
            heard(connection, device_id)
        became(connection, ids["a/call-01"], FROM + 6 * HOUR, "down")
        became(connection, ids["a/call-01"], FROM + 12 * HOUR, "ok")
    assert lines(engine, By.DEVICE)["a/call-01"] == {"ok": 18, "down": 6}
    assert lines(engine, By.CENTRE) == {"a": {"ok": 42, "down": 6}, "b": {"ok": 48}, "c": {"ok": 48}}
    assert lines(engine, By.TOWNSHIP) == {"t1": {"ok": 90, "down": 6}, "t2": {"ok": 48}}
    assert lines(engine, By.KIND) == {"call_terminal": {"ok": 66, "down": 6}, "camera": {"ok": 72}}
    assert lines(engine, By.NET) == {"social_service": {"ok": 66, "down": 6}, "public_safety": {"ok": 72}}
    with engine.connect() as connection:
        (line, *_) = availability(connection, KINDS, By.TOWNSHIP, FROM, TO, TO, scope=HOUSE)
    assert (line.name, line.devices) == ("乡t1", 4)
    assert line.percent["down"] == pytest.approx(100 * 6 / 96)
    assert sum(line.percent.values()) == pytest.approx(100)


def test_only_what_the_scope_and_the_filters_name(engine: Engine, ids: dict[str, int]) -> None:
    with engine.begin() as connection:
        for device_id in ids.values():
            heard(connection, device_id)
    assert lines(engine, By.CENTRE, scope=Scope(frozenset({"t2"}))).keys() == {"c"}
    assert lines(engine, By.CENTRE, scope=Scope(frozenset())) == {}
    assert lines(engine, By.CENTRE, township="t1").keys() == {"a", "b"}
    assert lines(engine, By.DEVICE, centre="a", kind="camera").keys() == {"a/cam-01"}


def test_a_lost_path_makes_its_devices_unknown_before_within_and_after(engine: Engine, ids: dict[str, int]) -> None:
    with engine.begin() as connection:
        for device_id in ids.values():
            heard(connection, device_id)
        for path, steps in {
            "a": [(-30, "online"), (-2, "offline"), (4, "online"), (20, "offline")],
            "b": [(-30, "online"), (-20, "offline"), (-10, "online")],
            "c": [(-30, "online"), (30, "offline")],
        }.items():
            for hour, condition in steps:
                became(connection, None, FROM + hour * HOUR, condition, path)
    found = lines(engine, By.CENTRE)
    assert found == {"a": {"unknown": 16, "ok": 32}, "b": {"ok": 48}, "c": {"ok": 48}}


def test_late_readings_correct_what_was_not_known(engine: Engine, ids: dict[str, int]) -> None:
    device_id = ids["a/call-01"]
    with engine.begin() as connection:
        heard(connection, device_id)
        became(connection, None, FROM + 4 * HOUR, "offline", "a")
        became(connection, None, FROM + 10 * HOUR, "online", "a")
        for start, end, condition in ((-5, 6, "ok"), (6, 8, "down")):
            connection.execute(
                insert(Correction).values(
                    device_id=device_id,
                    from_at=FROM + start * HOUR,
                    to_at=FROM + end * HOUR,
                    condition=condition,
                    known_at=TO,
                )
            )
    assert lines(engine, By.DEVICE, centre="a") == {"a/call-01": {"ok": 20, "down": 2, "unknown": 2}}


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"centre": "a"}, {"a/call-01": 6.0, "a/cam-01": 6.0}),
        ({"centre": "a", "device": "cam-01"}, {"a/cam-01": 6.0}),
        ({"township": "t1", "kind": "camera"}, {"a/cam-01": 6.0, "b/cam-01": 6.0}),
        ({"kind": "call_terminal"}, {"a/call-01": 6.0, "b/call-01": 6.0, "c/call-01": 6.0}),
        ({"centre": "a", "ended_at": FROM + 3 * HOUR}, {"a/call-01": 1.0, "a/cam-01": 1.0}),
        ({"centre": "a", "ended_at": FROM - HOUR}, {}),
    ],
)
def test_maintenance(engine: Engine, ids: dict[str, int], window: dict[str, Any], expected: dict[str, float]) -> None:
    with engine.begin() as connection:
        for device_id in ids.values():
            heard(connection, device_id)
        connection.execute(
            insert(Maintenance).values(from_at=FROM + 2 * HOUR, to_at=FROM + 8 * HOUR, who="王", **window)
        )
    found = lines(engine, By.DEVICE)
    assert {key: value["maintenance"] for key, value in found.items() if "maintenance" in value} == expected


def test_what_does_not_count(engine: Engine, ids: dict[str, int]) -> None:
    with engine.begin() as connection:
        heard(connection, ids["a/call-01"], FROM + 4 * HOUR)  # connected during it
        heard(connection, ids["b/call-01"])
        heard(connection, ids["b/cam-01"])
        heard(connection, ids["c/call-01"])
        connection.execute(update(Device).where(Device.id == ids["b/call-01"]).values(retired_at=FROM + 6 * HOUR))
        connection.execute(update(Device).where(Device.id == ids["b/cam-01"]).values(retired_at=FROM - HOUR))
        connection.execute(update(Centre).where(Centre.centre == "c").values(retired_at=FROM + HOUR))
    assert lines(engine, By.DEVICE, now_ms=FROM + 10 * HOUR) == {
        "a/call-01": {"ok": 6},
        "b/call-01": {"ok": 6},
        "c/call-01": {"ok": 1},
    }
    assert lines(engine, By.DEVICE, from_ms=TO, to_ms=TO + HOUR, now_ms=FROM) == {}


def test_a_fixed_number_of_queries(engine: Engine) -> None:
    rows = [FleetRow(f"c{n // 50}", f"d{n % 50}", "camera", "150525", township="t1") for n in range(2_000)]
    import_fleet(engine, rows, FROM)
    with engine.begin() as connection:
        for row in connection.execute(Device.__table__.select()).all():
            if row.id % 10 == 0:
                heard(connection, row.id)
    queries: list[str] = []
    event.listen(engine, "after_cursor_execute", lambda *arguments: queries.append(arguments[2]))
    found = lines(engine, By.KIND)
    assert found == {"camera": {"ok": 200 * 24}}
    assert len(queries) <= 8
