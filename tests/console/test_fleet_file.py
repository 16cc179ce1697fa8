"""The fleet as a file, at the page: looked at first, every error told, and what was looked at is what is taken in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import httpx
import openpyxl
import pytest
from sqlalchemy import func, select

from api.console.fleet_file.waiting import KEPT, KEPT_FOR_S, WaitingFiles
from shouwang import clock
from shouwang.ledger.fleet import touch_fleet
from shouwang.ledger.tables import Device
from shouwang.vocabulary import Role
from tests.console.conftest import Console
from tests.console.test_pages import OURS, Reader, rows

pytestmark = pytest.mark.slow

Table = list[dict[str, str]]


@pytest.fixture
def admin(console: Console) -> Iterator[Reader]:
    reader = Reader(console, Role.ADMINISTRATOR)
    yield reader
    reader.client.close()


def exported(reader: Reader) -> Table:
    text = reader.client.get("/api/v1/fleet?format=csv").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def as_csv(table: Table) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue().encode()


def as_xlsx(table: Table) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for cells in (list(table[0]), *(list(row.values()) for row in table)):
        book.active.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def upload(reader: Reader, body: bytes, name: str = "fleet.csv") -> httpx.Response:
    return reader.client.post("/fleet-file", files={"file": (name, body)}, headers=OURS)


def ticket(answer: httpx.Response) -> str:
    found = re.search(r'name="ticket" value="([\w-]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def names(console: Console) -> dict[str, str]:
    return {row.device: row.name for row in rows(console, select(Device.device, Device.name))}


def test_a_file_is_looked_at_and_then_taken_in(console: Console, admin: Reader) -> None:
    table = exported(admin)
    changed = table[0]["device"]
    table[0]["device_name"] = "新名字"
    table.append({**table[0], "device": "brand-new-01", "target": "192.168.1.250"})
    looked = upload(admin, as_csv(table), "台账.csv")
    assert looked.status_code == 200
    assert "该文件将作的改动" in looked.text
    assert f"新增 1，变更 1，停用 0，不变 {len(table) - 2}" in looked.text
    assert f"{table[0]['centre']}/brand-new-01" in looked.text
    assert f"{changed}: name" in looked.text
    assert "台账.csv" in looked.text
    assert "brand-new-01" not in names(console), "nothing is changed yet"
    done = admin.post("/fleet-file/apply", ticket=ticket(looked))
    assert "已导入" in done.text
    assert names(console)["brand-new-01"] == "新名字"
    assert admin.post("/fleet-file/apply", ticket=ticket(looked)).status_code == 422, "once"
    assert "该文件不改变任何内容" in upload(admin, as_csv(table), "台账.csv").text


def test_every_error_is_told_by_its_line_in_the_reader_s_language(console: Console, admin: Reader) -> None:
    text = "centre,device,kind,latitude\n1.50525E+11,call 1,toster,126\n,cam-02,camera,\n"
    before = rows(console, select(func.count()).select_from(Device))
    told = upload(admin, text.encode())
    assert told.status_code == 422
    assert "5 处错误：未作任何改动" in told.text
    lines = [re.sub(r"<[^>]+>", " ", line) for line in re.findall(r"<tr><th scope=.row.>.*?</tr>", told.text)]
    assert len(lines) == 5
    assert any("第 2 行" in line and "centre" in line and "1.50525E+11" in line for line in lines)
    assert any("第 3 行" in line and "不能为空" in line for line in lines)
    assert all(re.search("[\u4e00-\u9fff]", line.replace("行", "")) for line in lines)
    assert 'name="ticket"' not in told.text
    english = Reader(console, Role.ADMINISTRATOR, language="en")
    assert "5 errors: nothing was changed" in upload(english, text.encode()).text
    assert "line 3" in upload(english, text.encode()).text
    english.client.close()
    sheet = upload(admin, as_xlsx([{"centre": "c-1", "device": "cam-01", "kind": "camera", "room": "x"}]), "x.xlsx")
    assert "第 2 行" in sheet.text
    assert "room" in sheet.text
    assert "整个文件" in upload(admin, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").text
    assert "请先选择文件" in admin.client.post("/fleet-file", headers=OURS).text
    assert rows(console, select(func.count()).select_from(Device)) == before


def test_what_leaves_much_out_is_confirmed_first(console: Console, admin: Reader) -> None:
    table = exported(admin)
    looked = upload(admin, as_csv(table[: len(table) // 2]))
    assert f"文件缺少 {len(table)} 台设备中的 {len(table) - len(table) // 2} 台" in looked.text
    again = admin.post("/fleet-file/apply", ticket=ticket(looked))
    assert "确认这些设备已不在" in again.text
    active = select(func.count()).select_from(Device).where(Device.retired_at.is_(None))
    assert rows(console, active)[0][0] == len(table)
    assert "已导入" in admin.post("/fleet-file/apply", ticket=ticket(again), removals="yes").text
    assert rows(console, active)[0][0] == len(table) // 2


def test_a_fleet_that_has_changed_meanwhile_is_looked_at_once_more(console: Console, admin: Reader) -> None:
    table = exported(admin)
    table[0]["device_name"] = "新名字"
    looked = upload(admin, as_csv(table))
    with console.engine.execution_options(writes=True).begin() as connection:
        touch_fleet(connection, clock.wall_ms())
    anew = admin.post("/fleet-file/apply", ticket=ticket(looked))
    assert "台账在此期间已有变化" in anew.text
    assert "新名字" not in names(console).values()
    assert "已导入" in admin.post("/fleet-file/apply", ticket=ticket(anew)).text


@pytest.mark.parametrize(
    ("role", "townships", "status"),
    [
        (Role.ADMINISTRATOR, (), 200),
        (Role.ADMINISTRATOR, ("150525100",), 403),
        (Role.TECHNICIAN, (), 403),
        (Role.DUTY_OFFICER, (), 403),
        (Role.VIEWER, (), 403),
    ],
)
def test_it_is_for_who_keeps_the_whole_fleet(
    console: Console, role: Role, townships: tuple[str, ...], status: int
) -> None:
    reader = Reader(console, role, townships)
    assert reader.get("/fleet-file").status_code == status
    assert ("/fleet-file" in reader.text("/")) is (status == 200)
    if status != 200:
        assert upload(reader, b"centre,device,kind\n").status_code == status
        assert reader.post("/fleet-file/apply", ticket="x").status_code == status
    reader.client.close()


def test_a_file_is_for_whoever_uploaded_it_and_not_for_long() -> None:
    held = WaitingFiles()
    tickets = [held.keep("a", str(n), b"", "1", 0.0) for n in range(KEPT + 1)]
    assert held.take(tickets[0], "a", 1.0) is None, "the oldest has gone"
    assert held.take(tickets[1], "b", 1.0) is None, "it is not theirs"
    found = held.take(tickets[1], "a", 1.0)
    assert found is not None
    assert found.name == "1"
    assert held.take(tickets[1], "a", 1.0) is None
    assert held.take(tickets[2], "a", KEPT_FOR_S) is None, "its time is over"
