"""PostgreSQL that goes away at the worst moments: what was decided has its effect once (fault 33)."""

import threading

import pytest
from sqlalchemy import Engine, func, insert, make_url, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from collector.decisions import Decisions
from collector.facts import Entry, IncidentRecord, Step
from collector.facts import Transition as Decided
from collector.fleet import load_fleet
from collector.record import Record
from shouwang.fleet import FleetRow
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine
from shouwang.ledger.fleet import import_fleet
from shouwang.ledger.migrate import upgrade
from shouwang.ledger.tables import Base, Change, Incident, Meta, Notification, TimelineEntry, Transition
from shouwang.vocabulary import Cause, NotificationType, Severity
from tests.servers import Database
from tests.servers.faulty import FaultyWay

pytestmark = pytest.mark.system

KINDS = Kinds()
NOW = 1_790_000_000_000


def decisions(engine: Engine) -> Decisions:
    """A call terminal falls silent: a transition, an incident with a line, and a notification that is owed."""
    with engine.connect() as connection:
        device = load_fleet(connection, KINDS, {}).by_path["c1"]["call-01"]
    incident = IncidentRecord(
        id="incident-1",
        cause=Cause.DEVICE_SILENT,
        severity=Severity.CRITICAL,
        since_ms=NOW,
        opened_at_ms=NOW,
        centre="c1",
        device="call-01",
        device_id=device.id,
    )
    step = Step(incident, [Entry(NOW, "opened")], NotificationType.OPENED)
    return Decisions(position=7, transitions=[Decided("c1", device, "silent", NOW, NOW)], steps=[step])


def counts(engine: Engine) -> dict[str, int | None]:
    with engine.connect() as connection:
        return {
            table.__tablename__: connection.scalar(select(func.count()).select_from(table))
            for table in (Transition, Incident, TimelineEntry, Notification)
        }


ONCE = {"transitions": 1, "incidents": 1, "timeline": 1, "notifications": 1}


def prepared(url: str) -> Engine:
    engine = open_engine(url)
    upgrade(engine)
    import_fleet(engine, [FleetRow("c1", "call-01", "call_terminal", "150525")], NOW)
    return engine


def test_an_answer_to_the_commit_that_is_lost(postgres: Database) -> None:  # fault 33
    direct = prepared(postgres.url)
    way = FaultyWay(postgres.server.host, postgres.server.port)
    url = make_url(postgres.url).set(host="127.0.0.1", port=int(way.url.rsplit(":", 1)[1]))
    through = open_engine(url.render_as_string(hide_password=False))
    record = Record(through, "http://here", lambda _: "", KINDS)
    decided = decisions(direct)
    way.cut_after = b"COMMIT"
    with pytest.raises(OperationalError):
        record.write(decided, NOW)
    assert counts(direct) == ONCE  # it was committed, and nobody was told
    owed = record.write(decided, NOW)
    assert counts(direct) == ONCE
    with direct.connect() as connection:
        assert connection.scalars(select(Notification.id)).all() == owed
        assert connection.scalar(select(Meta.value).where(Meta.key == "journal_position")) == "7"
    second = Decisions(position=8, transitions=decided.transitions)
    record.write(second, NOW)
    assert counts(direct) == {**ONCE, "transitions": 2}
    through.dispose()
    direct.dispose()
    way.close()


def test_a_server_killed_in_the_middle_of_a_write(postgres: Database) -> None:  # fault 33
    engine = prepared(postgres.url)
    record = Record(engine, "http://here", lambda _: "", KINDS)
    decided = decisions(engine)
    blocker = engine.connect()
    blocker.exec_driver_sql("LOCK TABLE notifications IN ACCESS EXCLUSIVE MODE")  # the write waits half-way
    raised: list[BaseException] = []

    def write() -> None:
        try:
            record.write(decided, NOW)
        except SQLAlchemyError as error:
            raised.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    for _ in range(500):
        if blocker.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar():
            break
        thread.join(0.01)
    else:
        pytest.fail("the write never waited")
    postgres.server.kill()
    thread.join(10)
    assert len(raised) == 1
    blocker.invalidate()
    blocker.close()
    postgres.server.start()
    assert counts(engine) == dict.fromkeys(ONCE, 0)
    record.write(decided, NOW)
    assert counts(engine) == ONCE
    engine.dispose()


def test_two_writers_that_would_wait_for_each_other(postgres: Database) -> None:  # fault 33
    """A deadlock ends one of the two; tried again, both have their effect once."""
    engine = prepared(postgres.url)
    with engine.begin() as connection:
        connection.execute(insert(Meta), [{"key": "a", "value": "0"}, {"key": "b", "value": "0"}])
    meeting = threading.Barrier(2, timeout=20)
    tries: list[str] = []

    def work(first: str, second: str) -> None:
        meet = True
        while True:
            tries.append(first)
            try:
                with engine.begin() as connection:
                    for key in (first, second):
                        connection.execute(
                            Base.metadata.tables["meta"]
                            .update()
                            .where(Meta.key == key)
                            .values(value=Meta.value + first)
                        )
                        if meet:
                            meet = False
                            meeting.wait()
            except OperationalError:
                continue
            return

    threads = [threading.Thread(target=work, args=keys) for keys in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(tries) >= 3, "one of the two had to try again"
    with engine.connect() as connection:
        values = connection.execute(select(Meta.key, Meta.value).where(Meta.key.in_(["a", "b"]))).all()
    assert {key: sorted(value) for key, value in values} == {"a": ["0", "a", "b"], "b": ["0", "a", "b"]}
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Change)) == 1
    engine.dispose()
