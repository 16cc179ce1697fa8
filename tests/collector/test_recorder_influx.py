"""The recorder before a real InfluxDB that fails: it costs a lag that is said; nothing is lost or doubled."""

from pathlib import Path

import pytest

from collector.recorder import Recorder
from collector.recorder.file import RecorderFile, read_asides, read_state
from collector.recorder.journal import JournalSource
from collector.recorder.names import Names
from shouwang.clock import Now, wall_ms
from shouwang.readings.influx import InfluxStore
from tests.collector.test_recorder import KINDS, House, call
from tests.servers import Bucket
from tests.servers.faulty import FaultyWay

pytestmark = pytest.mark.system


class OnInflux(House):
    """The same house, with its readings in InfluxDB behind a way that can fail."""

    def __init__(self, state_dir: Path, bucket: Bucket, way: FaultyWay) -> None:
        self.bucket = bucket
        self.way = way
        super().__init__(state_dir)
        self.clock.at = Now(1000.0, wall_ms())

    def start(self) -> None:
        self.influx = InfluxStore(
            self.way.url,
            self.bucket.org,
            self.bucket.bucket,
            self.bucket.token,
            KINDS,
            marks=self.dir / "hours.db",
            timeout_ms=700,
        )
        source = JournalSource(self.dir / "journal.db")
        self.recorder = Recorder(source, self.influx, Names(self.engine), KINDS, RecorderFile(self.dir), self.clock)

    def stored(self) -> list[int]:
        now_ms = self.clock.now().wall_ms
        points = self.influx.points("150525100201", "call-07", "call_terminal", now_ms - 10**7, now_ms + 10**7, 1000)
        return [point.taken_at_ms for point in points]


@pytest.mark.parametrize("fault", ["503 Service Unavailable", "hang", "reset"])
def test_influxdb_gone_and_back(influxdb: Bucket, tmp_path: Path, fault: str) -> None:  # fault 25
    way = FaultyWay(influxdb.server.host, influxdb.server.port)
    house = OnInflux(tmp_path, influxdb, way)
    begun_ms = house.clock.now().wall_ms
    sent = [begun_ms - 60_000 + n for n in range(30)]
    for n, at in enumerate(sent[:10]):
        house.hear(call(0, battery_percent=10 * n), received_ms=at)
    house.drain()
    way.fault = fault
    for n, at in enumerate(sent[10:]):
        house.hear(call(0, battery_percent=n), received_ms=at)
    house.clock.move(10)
    waits = [house.recorder.turn() for _ in range(3)]
    assert waits == sorted(waits)
    house.clock.move(10)
    house.recorder.turn()
    state = read_state(tmp_path)
    assert state is not None
    assert state.failing_since_ms == begun_ms + 10_000
    assert "InfluxDB" in state.reason
    assert state.lag_rows == 20
    assert (house.journal.cursor("readings") or 0) <= 10  # the journal keeps what is not stored
    way.fault = ""
    house.drain()
    house.clock.move(10)
    house.drain()
    assert house.stored() == sent
    assert house.journal.cursor("readings") == 30
    state = read_state(tmp_path)
    assert state is not None
    assert (state.failing_since_ms, state.reason, state.stored, state.lag_rows) == (None, "", 30, 0)
    # killed before the cursor was written down: it is read again, and nothing doubles
    house.recorder.close()
    JournalSource(tmp_path / "journal.db").release(15)
    house.start()
    house.drain()
    assert house.stored() == sent
    house.close()
    way.close()


def test_a_revoked_token_is_said_once_and_for_all(influxdb: Bucket, tmp_path: Path) -> None:  # fault 27
    way = FaultyWay(influxdb.server.host, influxdb.server.port)
    house = OnInflux(tmp_path, influxdb, way)
    good = house.bucket.token
    house.recorder.close()
    house.bucket = Bucket(influxdb.server, influxdb.url, influxdb.org, influxdb.bucket, "revoked")
    house.start()
    house.hear(call(0), received_ms=house.clock.now().wall_ms)
    house.recorder.turn()
    since = house.recorder.state.failing_since_ms
    for _ in range(3):
        house.clock.move(60)
        house.recorder.turn()
    state = read_state(tmp_path)
    assert state is not None
    assert state.reason == "InfluxDB refuses the token: make one with `shouwang setup influxdb`"
    assert state.failing_since_ms == since
    house.recorder.close()
    house.bucket = Bucket(influxdb.server, influxdb.url, influxdb.org, influxdb.bucket, good)
    house.start()
    house.drain()
    assert len(house.stored()) == 1
    assert read_asides(tmp_path) == []
    house.close()
    way.close()
