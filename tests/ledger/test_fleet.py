"""Taking a fleet into the ledger, on both engines: everything or nothing, and the second time nothing."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, insert, select, update

from collector.fleet import load_fleet
from shouwang.fleet import FleetRow
from shouwang.kinds import Kinds
from shouwang.ledger.fleet import TooManyRemovals, export_fleet, import_fleet, without_households
from shouwang.ledger.tables import Centre, Change, Device, Feed, Meta, Transition

NOW = 1_790_000_000_000


def fleet(centres: int = 4, devices: int = 10) -> list[FleetRow]:
    return [
        FleetRow(
            f"c{c}",
            f"call-{d:02d}",
            "call_terminal",
            "150525",
            centre_name=f"村{c}",
            household=f"户{d}",
            target=f"10.0.{c}.{d}",
            path="platform" if d == 9 else "",
            extra={"x_floor": "1"} if d == 3 else {},
        )
        for c in range(centres)
        for d in range(devices)
    ]


def revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(select(Meta.value).where(Meta.key == "fleet_revision"))


def test_a_fleet_goes_in_and_comes_out_the_same(engine: Engine) -> None:
    rows = fleet()
    diff = import_fleet(engine, rows, NOW)
    assert (diff.added, diff.centres_added, diff.revision) == (40, 4, "1")
    with engine.connect() as connection:
        assert export_fleet(connection) == rows
        assert export_fleet(connection, ["c1"]) == rows[10:20]
        assert {row.household for row in without_households(export_fleet(connection))} == {""}
        assert connection.scalars(select(Feed.feed)).all() == ["platform"]
        assert connection.execute(select(Change.what, Change.at)).all() == [("fleet", NOW)]
        loaded = load_fleet(connection, Kinds(), {})
    assert loaded.revision == "1"
    assert set(loaded.by_path["platform"]) == {f"c{c}/call-09" for c in range(4)}


def test_a_device_can_be_asked_where_its_driver_asks_and_has_a_target(engine: Engine) -> None:
    told = {
        "call-00": ("ntp", "10.0.0.1"),
        "call-01": ("scaip", "sip:4711"),
        "call-02": ("sip", ""),
        "call-03": ("", "x"),
    }
    rows = [replace(row, driver=told[row.device][0], target=told[row.device][1]) for row in fleet(1, 4)]
    import_fleet(engine, rows, NOW)
    with engine.connect() as connection:
        devices = load_fleet(connection, Kinds(), {}).by_path["c0"].values()
    assert {device.device for device in devices if device.can_probe} == {"call-00", "call-03"}


def test_the_second_time_changes_nothing(engine: Engine) -> None:
    import_fleet(engine, fleet(), NOW)
    diff = import_fleet(engine, fleet(), NOW + 1)
    assert diff.is_empty
    assert diff.unchanged == 40
    assert revision(engine) == "1"
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Change)) == 1


def test_a_dry_run_says_what_would_change_and_changes_nothing(engine: Engine) -> None:
    import_fleet(engine, fleet(), NOW)
    rows = fleet()
    rows[0] = replace(rows[0], target="10.9.9.9", room="shop")
    rows[1] = replace(rows[1], centre_name="新名")
    gone = rows.pop(20)
    rows.append(FleetRow("c9", "cam", "camera", "150525"))
    rows[1:10] = [replace(row, centre_name="新名") for row in rows[1:10]]
    rows[0] = replace(rows[0], centre_name="新名")
    diff = import_fleet(engine, rows, NOW, dry_run=True)
    assert (diff.added, diff.changed, diff.retired, diff.unchanged) == (1, 1, 1, 38)
    assert (diff.centres_added, diff.centres_changed, diff.centres_retired) == (1, 1, 0)
    assert diff.names_changed == {"c0/call-00": ["room", "target"]}
    assert diff.names_added == ["c9/cam"]
    assert diff.names_retired == [f"{gone.centre}/{gone.device}"]
    assert revision(engine) == "1"
    with engine.connect() as connection:
        assert export_fleet(connection) == fleet()


def test_a_sheet_without_settings_leaves_them_as_they_are(engine: Engine) -> None:
    rows = fleet()
    rows[0] = replace(rows[0], settings={"user": "admin"})
    assert import_fleet(engine, rows, NOW).added == len(rows)
    assert import_fleet(engine, [replace(row, settings=None) for row in rows], NOW).is_empty
    diff = import_fleet(engine, [replace(rows[0], settings={}), *rows[1:]], NOW)
    assert diff.names_changed == {"c0/call-00": ["settings"]}
    with engine.connect() as connection:
        assert export_fleet(connection)[0].settings == {}


def test_a_missing_row_retires_its_device_and_keeps_its_history(engine: Engine) -> None:
    import_fleet(engine, fleet(), NOW)
    with engine.begin() as connection:
        device_id = connection.scalar(select(Device.id).where(Device.centre == "c2", Device.device == "call-05"))
        connection.execute(
            insert(Transition).values(device_id=device_id, path="c2", condition="ok", at=NOW, known_at=NOW)
        )
    rows = [row for row in fleet() if (row.centre, row.device) != ("c2", "call-05")]
    assert import_fleet(engine, rows, NOW + 5).retired == 1
    with engine.connect() as connection:
        assert connection.scalar(select(Device.retired_at).where(Device.id == device_id)) == NOW + 5
        assert connection.scalar(select(func.count()).select_from(Transition)) == 1
        assert export_fleet(connection) == rows
    back = import_fleet(engine, fleet(), NOW + 9)
    assert (back.added, back.changed) == (1, 0)
    with engine.connect() as connection:
        found = connection.execute(select(Device.id, Device.retired_at).where(Device.device == "call-05")).all()
    assert (device_id, None) in found


def test_over_five_percent_of_removals_need_to_be_allowed(engine: Engine) -> None:
    import_fleet(engine, fleet(), NOW)
    rows = fleet()[:-3]
    with pytest.raises(TooManyRemovals, match="leaves out 3 of 40 devices"):
        import_fleet(engine, rows, NOW)
    with pytest.raises(TooManyRemovals):
        import_fleet(engine, rows, NOW, dry_run=True)
    with engine.connect() as connection:
        assert len(export_fleet(connection)) == 40
    assert import_fleet(engine, rows, NOW, allow_removals=True).retired == 3
    assert import_fleet(engine, rows[:-1], NOW).retired == 1


def test_centres_retire_come_back_and_keep_what_the_console_set(engine: Engine) -> None:
    import_fleet(engine, fleet(), NOW)
    with engine.begin() as connection:
        connection.execute(update(Centre).values(silent_after_s=90.0))
    some = import_fleet(engine, fleet(3), NOW + 1, allow_removals=True)
    assert (some.centres_retired, some.retired) == (1, 10)
    with engine.connect() as connection:
        assert connection.scalar(select(Centre.retired_at).where(Centre.centre == "c3")) == NOW + 1
    import_fleet(engine, [replace(row, centre_stage="building") for row in fleet()], NOW + 2)
    with engine.connect() as connection:
        rows = connection.execute(select(Centre.stage, Centre.silent_after_s, Centre.retired_at)).all()
    assert set(rows) == {("building", 90.0, None)}


def test_a_centre_said_to_be_retired_is(engine: Engine) -> None:
    rows = [replace(row, centre_stage="retired") for row in fleet(1)]
    import_fleet(engine, rows, NOW)
    assert import_fleet(engine, rows, NOW + 7).is_empty
    with engine.connect() as connection:
        assert connection.scalar(select(Centre.retired_at)) == NOW
        assert load_fleet(connection, Kinds(), {}).paths.keys() == {"platform"}


def test_a_feed_that_nobody_names_retires(engine: Engine) -> None:
    import_fleet(engine, fleet(), NOW)
    import_fleet(engine, [replace(row, path="") for row in fleet()], NOW + 1)
    with engine.connect() as connection:
        assert connection.scalar(select(Feed.retired_at)) == NOW + 1
    import_fleet(engine, fleet(), NOW + 2)
    with engine.connect() as connection:
        assert connection.scalar(select(Feed.retired_at)) is None
