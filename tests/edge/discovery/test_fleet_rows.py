"""Rows are appended to a fleet file as it is, never twice, and only such as pass its check."""

from pathlib import Path

import pytest

from edge.discovery.command import fleet_file, made_of
from edge.discovery.fleet_rows import FleetFile
from edge.discovery.found import Found, Service
from edge.discovery.running import Look
from shouwang import fleet
from shouwang.kinds import load
from shouwang.trouble import Trouble

CENTRE, OTHER = "150525100201", "150525100202"
KINDS = load()
SEEN = Look(
    [
        Found(
            "192.168.1.64", mac="4c:bd:8f:00:00:01", alive=True, services=[Service("rtsp", 554, "", {"login": "yes"})]
        ),
        Found("192.168.1.2", alive=True, services=[Service("nut", 3493, "=cmd|calc", {"ups": "site"})]),
        Found("192.168.1.9", alive=True, ports={22}),
    ]
)


def rows(data: bytes) -> list[fleet.FleetRow]:
    parsed = fleet.parse(data, {name: KINDS[name] for name in KINDS})
    assert parsed.errors == []
    return parsed.rows


def append(path: Path, centre: str = CENTRE) -> FleetFile:
    file = fleet_file(path)
    made = made_of(SEEN, file, centre)
    if made.count:
        file.write(made.data)
    return file


def test_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    append(path)
    first, second = rows(path.read_bytes())
    assert (first.device, first.kind, first.driver, first.target) == (
        "cam-01",
        "camera",
        "rtsp",
        "rtsp://192.168.1.64/",
    )
    assert first.extra["x_mac"] == "4c:bd:8f:00:00:01"
    assert first.extra["x_why"].startswith("medium: speaks RTSP on port 554")
    assert (second.device, second.driver, second.target) == ("ups-01", "nut", "192.168.1.2")


def test_a_second_time_nothing_is_added(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    append(path)
    before = path.read_bytes()
    made = made_of(SEEN, fleet_file(path), CENTRE)
    assert (made.count, [each.known for each in made.proposals]) == (0, ["cam-01", "ups-01", ""])
    append(path)
    assert path.read_bytes() == before


def test_another_centre_has_the_same_addresses(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    append(path)
    append(path, OTHER)
    assert [(row.centre, row.device) for row in rows(path.read_bytes())] == [
        (CENTRE, "cam-01"), (CENTRE, "ups-01"), (OTHER, "cam-01"), (OTHER, "ups-01"),
    ]  # fmt: skip


@pytest.mark.parametrize(("encoding", "end"), [("gb18030", ""), ("utf-8-sig", "\r\n"), ("utf-16", "\n")])
def test_a_spreadsheet_s_own_columns_encoding_and_lines_stay(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "台账.csv"
    line = "\r\n" if end == "\r\n" else "\n"
    before = (
        line.join(
            [
                "设备类型;地址;服务中心代码;设备代码;驱动;驱动设置;x_备注",
                f"摄像机;rtsp://192.168.1.60/;{CENTRE};cam-01;;;东墙",
            ]
        )
        + end
    )
    path.write_bytes(before.encode(encoding))
    append(path)
    data = path.read_bytes()
    assert data.startswith(before.encode(encoding))
    found = rows(data)
    assert [(row.device, row.target) for row in found] == [
        ("cam-01", "rtsp://192.168.1.60/"), ("cam-02", "rtsp://192.168.1.64/"), ("ups-01", "192.168.1.2"),
    ]  # fmt: skip
    assert found[0].extra == {"x_备注": "东墙"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"centre,device,kind\n150525100201,a,camera\n", "driver (驱动)"),
        (b"centre,device,kind,target,driver,settings\n150525100201,a,no-such,,,\n", "line 2"),
        (b'[{"centre": "150525100201"}]', "CSV file only"),
        (b"PK\x03\x04....", "CSV file only"),
    ],
)
def test_a_file_that_cannot_be_appended_to_stays_as_it_is(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "fleet.csv"
    path.write_bytes(content)
    with pytest.raises(Trouble) as caught:
        append(path)
    assert says in str(caught.value)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_header_alone_is_a_file_to_begin_with(tmp_path: Path) -> None:
    path = tmp_path / "fleet.csv"
    path.write_bytes(b"centre,device,kind,driver,target,settings")
    append(path)
    assert len(rows(path.read_bytes())) == 2
    assert path.read_bytes().count(b"centre,device") == 1


def test_no_such_directory(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="no such directory"):
        fleet_file(tmp_path / "none" / "fleet.csv")
