"""Fleet files as people send them: every encoding, every header, every mistake with its line and what to do."""

import datetime
import io
import json
from dataclasses import replace
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shouwang.fleet import FleetError, FleetRow, as_csv, as_json, as_xlsx, parse
from shouwang.fleet.files import Unreadable, read
from shouwang.fleet.headers import CHINESE
from shouwang.kinds import load

KINDS = load()
CENTRE = "150525100201"


def csv_of(*lines: str, header: str = "centre,device,kind") -> bytes:
    return "\n".join([header, *lines]).encode()


def rows_of(data: bytes) -> list[FleetRow]:
    parsed = parse(data, KINDS)
    assert [str(error) for error in parsed.errors] == []
    return parsed.rows


def errors_of(data: bytes) -> list[FleetError]:
    return parse(data, KINDS).errors


def only_error(data: bytes) -> str:
    (error,) = errors_of(data)
    return str(error)


def test_three_columns_are_enough() -> None:
    (row,) = rows_of(csv_of(f"{CENTRE},call-07,call_terminal"))
    assert row == FleetRow(CENTRE, "call-07", "call_terminal", "150525", township="150525100", settings=None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings(encoding: str) -> None:
    text = "服务中心代码,设备编号,设备类型,设备名称\n150525100201,call-07,呼叫终端,1组 王某家\n"
    (row,) = rows_of(text.encode(encoding))
    assert (row.kind, row.device_name) == ("call_terminal", "1组 王某家")


def test_an_encoding_that_is_neither_is_told_with_its_line() -> None:
    data = csv_of("c,d,camera") + b"\n\xff\xff\xff"
    assert only_error(data) == "fleet.csv line 3: the text is neither UTF-8 nor GB18030: save it again as UTF-8"


@pytest.mark.parametrize("column", CHINESE)
def test_every_chinese_header_is_known(column: str) -> None:
    for alias in CHINESE[column]:
        header = [alias] + [name for name in ("centre", "device", "kind") if name != column]
        parsed = parse(",".join(header).encode() + b"\n", KINDS)
        assert [str(error) for error in parsed.errors] == [
            "fleet.csv: no device in it: after the first line stands a row for each device"
        ], alias


def test_no_chinese_header_means_two_things() -> None:
    aliases = [alias for names in CHINESE.values() for alias in names]
    assert len(aliases) == len(set(aliases))


def test_headers_with_units_stars_and_spaces() -> None:
    header = "服务中心代码*, 设备编号 ,Kind,上报间隔（秒）,Silent After S"
    (row,) = rows_of(csv_of(f"{CENTRE},call-07,call_terminal,60,200", header=header))
    assert (row.report_every_s, row.silent_after_s) == (60.0, 200.0)


def test_an_unknown_column_names_the_nearest_and_the_way_to_keep_it() -> None:
    message = only_error(csv_of(header="centre,device,kind,profil"))
    assert message == (
        "fleet.csv line 1, profil: unknown column; the nearest known one is profile (型式). "
        "To keep a column of your own, name it x_profil"
    )


def test_columns_of_ones_own_are_kept() -> None:
    (row,) = rows_of(csv_of("c1,d1,camera,三楼,", header="centre,device,kind,x_楼层,X_Note"))
    assert row.extra == {"x_楼层": "三楼"}


def test_missing_and_doubled_columns_are_told_at_once() -> None:
    messages = [str(error) for error in errors_of(csv_of(header="centre,服务中心代码,device"))]
    assert len(messages) == 2
    assert "stands twice" in messages[0]
    assert "kind (设备类型) is missing" in messages[1]


@pytest.mark.parametrize(
    ("line", "header", "expected"),
    [
        ("1.50525E+11,d,camera", "", "line 2, centre: '1.50525E+11' was a code that a spreadsheet has turned"),
        ("Centre 1,d,camera", "", "line 2, centre: 'Centre 1' is not a 12-digit village code"),
        ("Centre 1,d,camera", "", "'centre-1' would do"),
        ("c,-d,camera", "", "line 2, device: '-d' is not 1 to 32"),
        ("c,d,camra", "", "line 2, kind: 'camra' is no kind of device; the nearest is camera"),
        ("c,,camera", "", "line 2, device: empty, but needed"),
        ("c,d,camera,frunt", "room", "line 2, room: 'frunt' is no room; it is one of service_hall"),
        ("c,d,camera,dome", "profile", "line 2, profile: 'dome' is no profile of camera"),
        ("c,d,call_terminal,simhost", "profile", "'simhost' is no profile of call_terminal; the nearest is sim_host"),
        ("c,d,camera,liv", "centre_stage", "'liv' is no stage of a centre; the nearest is live"),
        ("c,d,camera,rtps", "driver", "'rtps' is no driver; the nearest is rtsp"),
        ("c,d,camera,rtsp://admin:secret@10.0.0.1/1", "target", "carries a user name or password before the @"),
        ("c,d,camera,admin:secret@10.0.0.1", "target", "secret:NAME"),
        ("c,d,call_terminal,sip:1001:pw@10.0.0.1", "target", "carries a user name or password"),
        ("c,d,camera,123.1,42.6", "latitude,longitude", "line 2, latitude: '123.1' is not between -90 and 90"),
        ("c,d,camera,123.1,42.6", "latitude,longitude", "changed round?"),
        ("c,d,camera,42.6", "latitude", "latitude and longitude go together"),
        ("c,d,camera,42.6,abc", "latitude,longitude", "line 2, longitude: 'abc' is not a number"),
        ("c,d,camera,nan,1", "latitude,longitude", "'nan' is not a number"),
        ("c,d,camera,0", "report_every_s", "'0' is not a number of seconds above 0"),
        ("c,d,camera,-1", "notify_after_s", "'-1' is not a number of seconds from 0"),
        ("c,d,camera,600", "report_every_s", "would be silent after 180 s, between two reports"),
        ("c,d,camera,2026-02-30", "installed_on", "'2026-02-30' is not a day: write it as 2026-03-01"),
        ("c,d,camera,a b", "path", "line 2, path: 'a b' is not 1 to 32"),
        ("c,d,camera,8.98604E+19", "iccid", "line 2, iccid: '8.98604E+19' was a code"),
        ("c,d,camera," + "x" * 300, "model", "is 300 characters long, at most 255"),
        ("c,d,camera,x\x07y", "model", "control character"),
        ("c,d,camera,user", "settings", "line 2, settings: 'user' is no setting: write NAME=VALUE"),
        ("c,d,camera,password=hunter2", "settings", "write password=secret:NAME"),
        ("c,d,camera,User=x", "settings", "'User' is no name of a setting"),
        ("c,d,camera,a=1;a=2", "settings", "'a' stands twice"),
        ('c,d,camera,"{""a"":"', "settings", "no JSON object"),
        ("c,d,camera,more", "", "line 2: 'more' stands in a column without a name"),
    ],
)
def test_mistakes(line: str, header: str, expected: str) -> None:
    parsed = parse(csv_of(line, header=",".join(["centre,device,kind", *([header] if header else [])])), KINDS)
    assert len(parsed.errors) == 1
    assert expected in str(parsed.errors[0])
    assert parsed.rows == []
    assert "secret" not in str(parsed.errors[0]).replace("secret:NAME", "")


def test_a_password_is_never_repeated() -> None:
    message = only_error(csv_of("c,d,camera,rtsp://admin:hunter2@10.0.0.1/1", header="centre,device,kind,target"))
    assert "hunter2" not in message
    assert "admin" not in message


@pytest.mark.parametrize(
    ("column", "given", "expected"),
    [
        ("target", "sip:1001@192.168.1.5", "sip:1001@192.168.1.5"),
        ("target", "rtsp://192.168.1.5:554/stream?x=a@b", "rtsp://192.168.1.5:554/stream?x=a@b"),
        ("centre_type", "代办员", "deputy"),
        ("centre_stage", "在建", "building"),
        ("room", "警务室", "police_room"),
        ("installed_on", "2026年3月1日", "2026-03-01"),
        ("installed_on", "2026/3/1", "2026-03-01"),
        ("installed_on", "20260301", "2026-03-01"),
        ("profile", "插电4G", "sim_host"),
        ("notify_after_s", "0", 0.0),
        ("iccid", "89860412345678901234", "89860412345678901234"),
        ("settings", "user=admin; password=secret:hall", {"user": "admin", "password": "secret:hall"}),
        ("settings", "port = 5060；full=true;path=a=b", {"port": 5060, "full": True, "path": "a=b"}),
        ("settings", "community=public", {"community": "public"}),
        (
            "settings",
            "a=1002; b=0042; c=1e5; d=1.50; e=2.5",
            {"a": 1002, "b": "0042", "c": "1e5", "d": "1.50", "e": 2.5},
        ),
        ("settings", "code=34020000001340000008; null=-0", {"code": 34020000001340000008, "null": "-0"}),
    ],
)
def test_what_is_taken(column: str, given: str, expected: Any) -> None:
    (row,) = rows_of(csv_of(f"c,d,call_terminal,{given}", header=f"centre,device,kind,{column}"))
    assert getattr(row, column) == expected


def test_every_error_is_told_at_once_with_its_line() -> None:
    parsed = parse(csv_of("c,d,camera", "c,d,nvr", "c,e,radio", "", "C!,f,nvr"), KINDS, name="banner.csv")
    assert [str(error).split(":")[0] for error in parsed.errors] == [
        "banner.csv line 3, device",
        "banner.csv line 4, kind",
        "banner.csv line 6, centre",
    ]
    assert "already in line 2" in parsed.errors[0].message


def test_lines_are_those_of_the_file_where_a_cell_spans_several() -> None:
    data = b'centre,device,kind,model\nc,d,camera,"two\nlines"\nc,e,radio,\n'
    assert [error.line for error in errors_of(data)] == [2, 4]


def test_two_devices_with_one_number_are_told() -> None:
    head = "centre,device,kind,driver,target"
    message = only_error(csv_of("c,a,call_terminal,scaip,26317", "c,b,call_terminal,scaip,26317", header=head))
    assert "line 3, target: line 2 has the same scaip number '26317'" in message
    rows = rows_of(csv_of("c,a,call_terminal,scaip,26317", "d,b,call_terminal,scaip,26317", header=head))
    assert len(rows) == 2, "in another centre it is another's"


def test_very_many_errors_are_counted() -> None:
    parsed = parse(csv_of(*[f"c,d{n},radio" for n in range(1500)]), KINDS)
    assert (len(parsed.errors), parsed.more_errors) == (1000, 500)


def test_what_is_said_of_a_centre_holds_for_all_its_devices() -> None:
    header = "centre,device,kind,centre_name,latitude,longitude"
    first, second = rows_of(csv_of("c,d1,camera,,,", "c,d2,camera,光明,42.5,120.5", header=header))
    assert (first.centre_name, first.latitude, first.region) == ("光明", 42.5, "local")
    assert second.centre_name == "光明"


def test_rows_that_disagree_about_their_centre() -> None:
    message = only_error(csv_of("c,d1,camera,光明", "c,d2,camera,兴隆", header="centre,device,kind,centre_name"))
    assert message.startswith("fleet.csv line 3, centre_name: '兴隆', but line 2 says '光明' of the same centre c")


def test_a_feed_is_no_centre_and_a_centre_may_be_named_as_its_own_path() -> None:
    header = "centre,device,kind,path"
    (own, fed) = rows_of(csv_of("c1,d1,camera,c1", "c1,d2,call_terminal,platform", header=header))
    assert (own.path, fed.path) == ("", "platform")
    message = only_error(csv_of("c1,d1,camera,c2", "c2,d1,camera,", header=header))
    assert "line 2, path: 'c2' is a centre, so it cannot be a feed" in message


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"centre,device,kind\n", "no device in it"),
        (b'centre,device,kind\nc,"d,camera\n', "look for a quotation mark that is not closed"),
        (b"[1]", "fleet.csv entry 1: '1' is not a device"),
        (b'[{"centre":"c","device":"d","kind":"camera","model":{}}]', "'{}' is not text or a number"),
        (b'{"fleet":1}', "not a list of devices"),
        (b"[", "the JSON is broken"),
        (b"PK\x03\x04garbage", "the XLSX cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..", "the old .xls format"),
    ],
)
def test_files_that_cannot_be_read(data: bytes, expected: str) -> None:
    assert expected in only_error(data)


def test_settings_as_an_object_in_csv_and_json() -> None:
    said = {"fields": {"page_ok": "data.ok"}, "status": [200, 204], "password": "secret:hall"}
    (row,) = rows_of(json.dumps([{"centre": "c", "device": "d", "kind": "camera", "settings": said}]).encode())
    assert row.settings == said
    assert rows_of(as_csv([row])) == [row]
    said["fields"] = {"password": "hunter2"}
    message = only_error(json.dumps([{"centre": "c", "device": "d", "kind": "camera", "settings": said}]).encode())
    assert "write password=secret:NAME" in message
    assert "hunter2" not in message


def test_json() -> None:
    entries = [{"centre": "c", "device": "d", "kind": "camera", "report_every_s": 30.5, "iccid": 89860412345678901234}]
    (row,) = rows_of(json.dumps({"items": entries}).encode())
    assert (row.report_every_s, row.iccid) == (30.5, "89860412345678901234")
    entries[0]["kind"] = "radio"
    assert only_error(json.dumps(entries).encode()).startswith("fleet.csv entry 1, kind")


def xlsx_of(*lines: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in lines:
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_xlsx_with_numbers_and_dates_as_cells() -> None:
    head = ["服务中心代码", "设备编号", "设备类型", "ICCID", "安装日期", "上报间隔(秒)"]
    installed = datetime.datetime(2026, 3, 1)  # noqa: DTZ001 - a cell knows no zone
    data = xlsx_of(head, [150525100201, "call-07", "呼叫终端", None, installed, 60], [None], ["", "x", "nvr"])
    parsed = parse(data, KINDS, name="fleet.xlsx")
    assert [str(error) for error in parsed.errors] == ["fleet.xlsx row 4, centre: empty, but needed"]
    (row,) = parsed.rows
    assert (row.centre, row.installed_on, row.report_every_s) == (CENTRE, "2026-03-01", 60.0)
    ruined = xlsx_of(head, [150525100201, "call-07", "呼叫终端", 8.9860412345678901e19])
    assert "row 2, iccid: '8.98604" in only_error(ruined)


@pytest.mark.parametrize("far", ["XFD1048576", "GR900000"])
def test_a_lone_cell_far_out_takes_no_memory(far: str) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active["A1"], book.active["B1"], book.active["C1"] = "centre", "device", "kind"
    book.active[far] = "x"
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(Unreadable, match="delete what stands far out"):
        read(out.getvalue())


def test_another_program_reads_what_is_written() -> None:
    row = FleetRow(centre="c1", device="d1", kind="camera", region="150525", model="=1+1 <&> \x07", device_name="呼叫")
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx([row, replace(row, device="d2")], chinese=True))).worksheets[0]
    head, *lines = ([str(cell or "") for cell in line] for line in sheet.iter_rows(values_only=True))
    assert len(lines) == 2
    said = dict(zip(head, lines[0], strict=True))
    assert (said["服务中心代码"], said["设备名称"], said["型号"]) == ("c1", "呼叫", "=1+1 <&> ")


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20).map(str.strip)
ROWS = st.builds(
    FleetRow,
    centre=st.just("c1"),
    device=st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,31}\Z"),
    kind=st.sampled_from(sorted(KINDS)),
    region=st.just("150525"),
    device_name=WORDS,
    model=WORDS.filter(lambda word: not word.startswith("'")),
    driver=st.just("tcp"),
    target=st.sampled_from(["", "10.0.0.1", "rtsp://10.0.0.1/1"]),
    room=st.sampled_from(["", "shop"]),
    silent_after_s=st.sampled_from([None, 1e6, 300000.5]),
    settings=st.dictionaries(
        st.from_regex(r"\A[a-z][a-z0-9_]{0,9}\Z").filter(lambda name: "e" not in name and "i" not in name),
        st.one_of(WORDS, st.integers(-9, 9), st.booleans(), st.lists(WORDS, max_size=2)),
        max_size=3,
    ),
    extra=st.dictionaries(st.just("x_note"), WORDS.filter(bool), max_size=1),
)


@pytest.mark.parametrize("write", [as_csv, as_xlsx, as_json, lambda rows: as_csv(rows, chinese=True)])
@settings(max_examples=25)
@given(rows=st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda row: row.device))
def test_what_is_written_reads_back_the_same(write: Any, rows: list[FleetRow]) -> None:
    assert rows_of(write(rows)) == rows


def test_a_formula_never_reaches_a_spreadsheet() -> None:
    row = FleetRow("c1", "d1", "camera", "150525", model="=cmd|' /C calc'!A0", device_name="+86 10", serial="-5")
    text = as_csv([row]).decode("utf-8-sig")
    assert "'=cmd|" in text
    assert "'+86" in text
    assert ",-5" in text  # a number is no formula
    assert rows_of(as_csv([row])) == [row]


@given(st.binary(max_size=200))
def test_no_file_raises(data: bytes) -> None:
    parsed = parse(data, KINDS)
    assert parsed.errors or parsed.rows
