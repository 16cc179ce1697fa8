"""What devices and members of a common cause are called where names of people must not go."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from collector.notify.named import named
from collector.notify.words import words
from shouwang.called import CAUSE, EN, SEVERITY, ZH, device_called
from shouwang.kinds import Kinds
from shouwang.ledger.engine import open_engine, sqlite_url
from shouwang.ledger.tables import Base, Centre, Device
from shouwang.vocabulary import Cause, NotificationType, Severity

KINDS = Kinds()


@pytest.mark.parametrize(
    ("kind", "own", "zh", "en"),
    [
        ("call_terminal", "呼叫终端 7", "呼叫终端 7", "Call terminal 7"),
        ("call_terminal", "呼叫终端7号", "呼叫终端 7", "Call terminal 7"),
        ("call_terminal", "Call terminal 12", "呼叫终端 12", "Call terminal 12"),
        ("call_terminal", "王秀兰家", "呼叫终端 x-07", "Call terminal x-07"),
        ("call_terminal", "呼叫终端 王秀兰", "呼叫终端 x-07", "Call terminal x-07"),
        ("call_terminal", "呼叫终端 7 王秀兰", "呼叫终端 x-07", "Call terminal x-07"),
        ("call_terminal", "", "呼叫终端 x-07", "Call terminal x-07"),
        ("camera", "摄像机 2", "摄像机 2", "Camera 2"),
        ("camera", "村口球机", "村口球机 (x-07)", "村口球机 (x-07)"),
        ("no_such_kind", "村口球机", "x-07", "x-07"),
    ],
)
def test_a_name_is_said_where_it_names_nobody(kind: str, own: str, zh: str, en: str) -> None:
    found = KINDS[kind] if kind in KINDS else None  # noqa: SIM401 -- Kinds has no get
    assert (device_called(found, "x-07", own, ZH), device_called(found, "x-07", own, EN)) == (zh, en)


def test_every_cause_and_severity_is_called_something() -> None:
    assert set(CAUSE) == set(Cause)
    assert set(SEVERITY) == set(Severity)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Connection]:
    engine = open_engine(sqlite_url(tmp_path / "ledger.db"))
    with engine.execution_options(writes=True).begin() as connection:
        Base.metadata.create_all(connection)
        centres = {"150525100201": "北老柜村", "150525100202": "哈沙图嘎查", "c-3": ""}
        connection.execute(
            insert(Centre), [{"centre": code, "region": "150525", "name": name} for code, name in centres.items()]
        )
        devices = [
            ("150525100201", "call-01", "call_terminal", "呼叫终端 1"),
            ("150525100201", "call-02", "call_terminal", "王秀兰家"),
            ("150525100202", "cam-02", "camera", "村口球机"),
        ]
        connection.execute(
            insert(Device),
            [{"centre": c, "device": d, "kind": k, "name": n, "path": c} for c, d, k, n in devices],
        )
        yield connection
    engine.dispose()


def test_members_go_by_names_that_people_know(ledger: Connection) -> None:
    of_one = named(ledger, KINDS, ["150525100201/call-01", "150525100201/call-02", "150525100201/gone-01"])
    assert of_one == {
        "150525100201/call-01": ("呼叫终端 1", "Call terminal 1"),
        "150525100201/call-02": ("呼叫终端 call-02", "Call terminal call-02"),
    }
    of_many = named(ledger, KINDS, ["150525100201", "c-3", "150525100202/cam-02"])
    assert of_many == {
        "150525100201": ("北老柜村", "北老柜村"),
        "c-3": ("c-3", "c-3"),
        "150525100202/cam-02": ("哈沙图嘎查 村口球机 (cam-02)", "哈沙图嘎查 村口球机 (cam-02)"),
    }
    assert named(ledger, KINDS, []) == {}


def test_the_text_of_a_common_cause_names_them(ledger: Connection) -> None:
    members = ["150525100201", "150525100202"]
    area = {"severity": "critical", "cause": "area_outage", "scope": "carrier:移动", "members": members}
    text = words(area, NotificationType.OPENED, KINDS, named(ledger, KINDS, members))
    assert "北老柜村、哈沙图嘎查" in text["zh"].splitlines()
    assert "北老柜村, 哈沙图嘎查" in text["en"].splitlines()
    assert "150525100201、150525100202" in words(area, NotificationType.OPENED, KINDS)["zh"]
