"""What the recorder notes beside readings, on a real InfluxDB: whom to expect to hear, events, how the monitor is."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, update

from collector.journal import Row
from collector.recorder import Recorder, Signs
from collector.recorder.file import RecorderFile
from collector.recorder.journal import JournalSource
from collector.recorder.names import Names
from shouwang.clock import Now, wall_ms
from shouwang.ledger.tables import Device, DeviceCondition, Incident, Maintenance, Meta, Notification
from shouwang.readings.influx import InfluxStore
from shouwang.readings.lineprotocol import sign_line
from shouwang.signs import EVENT, MONITOR, MONITOR_EVERY_S, WATCHED, WATCHED_EVERY_S, Sign
from tests.collector.test_recorder import BOOT, CENTRE, KINDS, House, call
from tests.servers import Bucket
from tests.servers.faulty import FaultyWay


class Noting(House):
    """A house whose recorder writes to InfluxDB, and notes."""

    def __init__(self, state_dir: Path, bucket: Bucket, url: str) -> None:
        self.bucket = bucket
        self.url = url
        super().__init__(state_dir)

    def start(self) -> None:
        self.clock.at = Now(1000.0, wall_ms())
        limits = {"call_terminal": {"silent_after_s": 100.0}}
        self.recorder = Recorder(
            JournalSource(self.dir / "journal.db"),
            InfluxStore(
                self.url,
                self.bucket.org,
                self.bucket.bucket,
                self.bucket.token,
                KINDS,
                marks=self.dir / "hours.db",
                timeout_ms=2_000,
            ),
            Names(self.engine),
            KINDS,
            RecorderFile(self.dir),
            self.clock,
            Signs(self.engine, KINDS, limits),
        )

    def press(self, device: str, id_: str, path: str = CENTRE) -> None:
        """A help call comes in."""
        self.seq += 1
        body = {
            "v": 1, "boot": BOOT, "seq": self.seq, "oldest": 1, "id": id_, "sent_at_ms": 0, "device": device,
            "kind": "call_terminal", "event": "help_call", "age_ms": 120,
        }  # fmt: skip
        now_ms = self.clock.now().wall_ms
        self.journal.append([Row("event", "150525", path, now_ms, 0, 0, msgspec.json.encode(body))])

    def noted(self, measurement: str) -> list[dict[str, str]]:
        """Its points, oldest first."""
        return self.bucket.rows(
            'from(bucket: "BUCKET") |> range(start: -1h, stop: 1h)'
            f' |> filter(fn: (r) => r._measurement == "{measurement}")'
            ' |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")'
            ' |> group() |> sort(columns: ["_time", "device"])'
        )

    def watched(self) -> dict[str, tuple[str, float]]:
        return {row["device"]: (row["path"], float(row["silent_after_s"])) for row in self.noted(WATCHED)}

    def heard(self, *devices: int) -> None:
        """These were heard once."""
        with self.engine.begin() as connection:
            connection.execute(
                insert(DeviceCondition),
                [
                    {"device_id": each, "condition": "ok", "since": 1, "first_heard_at": 1, "reasons": []}
                    for each in devices
                ],
            )


@pytest.mark.parametrize(
    ("sign", "line"),
    [
        (Sign("m", {"a": "x"}, {"b": True, "i": 1, "f": 0.5, "s": 'a"b\\'}, 7), 'm,a=x b=t,i=1i,f=0.5,s="a\\"b\\\\" 7'),
        (Sign("m", {"a": "", "b": "1,2 =3"}, {"n": -1}, 7), "m,b=1\\,2\\ \\=3 n=-1i 7"),
        (Sign("m", {"a": "x\ny\\"}, {"n": 1}, 7), "m,a=x\\ y n=1i 7"),
    ],
)
def test_a_sign_as_a_line(sign: Sign, line: str) -> None:
    assert sign_line(sign) == line


@pytest.mark.system
def test_whom_to_expect_is_who_was_heard_and_is_worked_on_by_nobody(influxdb: Bucket, tmp_path: Path) -> None:
    house = Noting(tmp_path, influxdb, influxdb.url)
    now_ms = house.clock.now().wall_ms
    with house.engine.begin() as connection:
        house.add(connection, "site-01", "site")
        house.add(connection, "call-40", "call_terminal")  # never heard
        connection.execute(update(Device).where(Device.device == "call-30").values(silent_after_s=390))
    house.heard(1, 2, 3, 4)  # call-07, camera-01, call-30 (on a feed), site-01
    house.drain()
    terminals = {"call-07": (CENTRE, 100.0), "call-30": ("call-platform", 390.0)}
    assert house.watched() == {**terminals, "site-01": (CENTRE, 120.0)}
    house.clock.move(MONITOR_EVERY_S)
    house.drain()
    assert [len(house.noted(each)) for each in (WATCHED, MONITOR)] == [3, 2]
    with house.engine.begin() as connection:
        window = {"centre": CENTRE, "device": "call-07", "from_at": now_ms - 1, "to_at": now_ms + 10**7, "who": "a"}
        connection.execute(insert(Maintenance).values(**window))
        connection.execute(update(Device).where(Device.device == "site-01").values(retired_at=now_ms))
    house.clock.move(WATCHED_EVERY_S)
    house.drain()
    assert [row["device"] for row in house.noted(WATCHED)][3:] == ["call-30"]
    house.close()


@pytest.mark.system
def test_a_help_call_is_noted_when_it_came_whoever_called(influxdb: Bucket, tmp_path: Path) -> None:
    house = Noting(tmp_path, influxdb, influxdb.url)
    house.hear(call(battery_percent=50), received_ms=house.clock.now().wall_ms)
    house.press("call-07", "press-0001")
    house.clock.move(1)
    house.press(f"{CENTRE}/call-30", "press-0002", path="call-platform")
    house.clock.move(1)
    house.press("call-99", "press-0003")  # not in the fleet: it must not vanish
    house.drain()
    rows = house.noted(EVENT)
    assert [(row["centre"], row["device"], row["id"]) for row in rows] == [
        (CENTRE, "call-07", "press-0001"),
        (CENTRE, "call-30", "press-0002"),
        (CENTRE, "call-99", "press-0003"),
    ]
    assert {(row["event"], row["age_ms"], row["kind"]) for row in rows} == {("help_call", "120", "call_terminal")}
    assert house.recorder.state.stored == 1
    house.close()


@pytest.mark.system
def test_the_monitor_says_how_it_is(influxdb: Bucket, tmp_path: Path) -> None:
    house = Noting(tmp_path, influxdb, influxdb.url)
    now_ms = house.clock.now().wall_ms
    with house.engine.begin() as connection:
        connection.execute(insert(Meta).values(key="heard_well_at", value=str(now_ms - 5_000)))
    house.drain()
    incident = {
        "id": "i-1", "cause": "help_call", "severity": "emergency", "since": now_ms, "opened_at": now_ms, "state": b"",
    }  # fmt: skip
    with house.engine.begin() as connection:
        connection.execute(insert(Incident).values(**incident))
        owed = {"id": "n-1", "incident_id": "i-1", "type": "opened", "severity": "emergency", "owed_at": now_ms}
        connection.execute(insert(Notification).values(**owed, next_try_at=now_ms, body={}))
    house.clock.move(40)
    house.drain()
    first, second = house.noted(MONITOR)
    assert (first["deaf"], first["owed"], first["incidents_open"]) == ("false", "0", "0")
    assert (second["deaf"], second["owed"], second["owed_oldest_s"]) == ("true", "1", "40")  # heard 45 s ago
    assert (second["incidents_open"], second["emergencies_open"], second["lag_rows"]) == ("1", "1", "0")
    house.close()


@pytest.mark.system
def test_what_could_not_be_noted_is_noted_when_influxdb_is_back(influxdb: Bucket, tmp_path: Path) -> None:
    way = FaultyWay(influxdb.server.host, influxdb.server.port)
    house = Noting(tmp_path, influxdb, way.url)
    house.heard(1)
    house.press("call-07", "press-0001")
    way.fault = "503 Service Unavailable"
    assert house.recorder.turn() > 0
    assert "503" in house.recorder.state.reason
    way.fault = ""
    house.clock.move(5)
    house.drain()
    assert [row["id"] for row in house.noted(EVENT)] == ["press-0001"]
    assert list(house.watched()) == ["call-07"]
    house.close()
    way.close()
