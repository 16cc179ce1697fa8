"""Migrations: up, down, both engines alike, two parts at once, and a process killed midway (fault 46)."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, select, text, update

from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import LedgerNewer, current, downgrade, upgrade
from shouwang.ledger.tables import Base, Centre, Device, DeviceCondition, Transition

MIGRATES_AND_STOPS_MIDWAY = """
import sys
from sqlalchemy import event
from shouwang.ledger.engine import open_engine
from shouwang.ledger.migrate import upgrade

engine = open_engine(sys.argv[1])
made = []

def stop(connection, cursor, statement, *rest):
    if statement.lstrip().upper().startswith("CREATE TABLE"):
        made.append(statement)
        if len(made) == 8:
            print("midway", flush=True)
            sys.stdin.read()  # until killed

event.listen(engine, "after_cursor_execute", stop)
upgrade(engine)
"""


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def test_the_migrations_make_what_the_tables_say(empty_engine: Engine) -> None:
    assert upgrade(empty_engine)
    assert differences(empty_engine) == []


def test_a_second_start_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(Centre).values(centre="c1", region="150525"))
    assert not upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalars(select(Centre.centre)).all() == ["c1"]


def test_down_takes_everything_away_and_up_brings_it_back(engine: Engine) -> None:
    downgrade(engine)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    assert current(engine) is None
    assert upgrade(engine)
    assert differences(engine) == []


def test_a_ledger_with_a_past_goes_to_0002_and_back(empty_engine: Engine) -> None:
    engine = empty_engine
    assert upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.execute(insert(Centre).values(centre="c1", region="150525"))
        connection.execute(insert(Device).values(centre="c1", device="cam-01", kind="camera", path="c1"))
        id_ = connection.scalar(select(Device.id))
        connection.execute(
            text(
                "INSERT INTO conditions (device_id, condition, since, reasons, first_heard_at, good_at)"
                " VALUES (:id, 'down', 5, '[\"unreachable\"]', 1, 4)"
            ),
            {"id": id_},
        )
        for at in range(2000):
            connection.execute(
                text(
                    "INSERT INTO transitions (device_id, path, condition, at, known_at, reasons)"
                    " VALUES (:id, 'c1', 'ok', :at, :at, '[]')"
                ),
                {"id": id_, "at": at},
            )
    assert upgrade(engine)
    assert differences(engine) == []
    with engine.begin() as connection:
        assert connection.execute(select(DeviceCondition.reasons, DeviceCondition.why)).all() == [
            (["unreachable"], None)
        ]
        assert {why for (why,) in connection.execute(select(Transition.why))} == {None}
        why = {"code": "refused", "values": {"port": 80}}
        connection.execute(update(DeviceCondition).values(why=why))
        assert connection.scalar(select(DeviceCondition.why)) == why
    downgrade(engine, "0001")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM transitions")) == 2000
        assert connection.scalar(text("SELECT condition FROM conditions")) == "down"
    assert upgrade(engine)
    assert differences(engine) == []


def test_two_parts_that_start_at_once_migrate_once(ledger_url: str) -> None:
    engines = [open_engine(ledger_url) for _ in range(4)]
    with ThreadPoolExecutor(len(engines)) as pool:
        done = list(pool.map(upgrade, engines))
    assert sum(done) == 1
    assert differences(engines[0]) == []
    for engine in engines:
        engine.dispose()


def test_a_process_killed_midway_leaves_the_ledger_as_it_was(ledger_url: str) -> None:  # fault 46
    child = subprocess.Popen(
        [sys.executable, "-c", MIGRATES_AND_STOPS_MIDWAY, ledger_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == b"midway\n"
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    engine = open_engine(ledger_url)
    assert inspect(engine).get_table_names() == []
    assert upgrade(engine)
    assert differences(engine) == []
    engine.dispose()


def test_a_ledger_of_a_newer_version_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerNewer, match="revision 9999"):
        upgrade(engine)
    assert "centres" in inspect(engine).get_table_names()


def test_references_hold_after_migrating(engine: Engine) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), engine.begin() as connection:
        connection.execute(insert(Device).values(centre="nowhere", device="d", kind="camera", path="nowhere"))
