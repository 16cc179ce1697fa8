"""The recorder before another store that speaks line protocol, as docs/readings.md tells: what it takes, what not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.recorder import Recorder
from collector.recorder.file import RecorderFile, read_asides
from collector.recorder.journal import JournalSource
from collector.recorder.names import Names
from shouwang.clock import Now, wall_ms
from shouwang.readings.influx import InfluxStore
from shouwang.readings.store import HOUR_MS, StoreUnavailable
from tests.collector.test_recorder import CALL, KINDS, House, call
from tests.servers import need_server
from tests.servers.victoria import Victoria

pytestmark = pytest.mark.system

OF_CALL = {"centre": CALL[0], "device": CALL[1]}


@pytest.fixture
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    server = Victoria(need_server("victoria-metrics"), tmp_path_factory.mktemp("victoria"))
    server.start()
    yield server
    server.stop()


class OnVictoria(House):
    """The same house; its readings go to a VictoriaMetrics as they go to an InfluxDB."""

    def __init__(self, state_dir: Path, server: Victoria) -> None:
        self.server = server
        super().__init__(state_dir)
        self.clock.at = Now(1000.0, wall_ms())

    def start(self) -> None:
        self.influx = InfluxStore(self.server.url, "any", "any", "", KINDS, marks=self.dir / "hours.db")
        source = JournalSource(self.dir / "journal.db")
        self.recorder = Recorder(source, self.influx, Names(self.engine), KINDS, RecorderFile(self.dir), self.clock)


def test_numbers_and_switches_stand_there_as_they_were_taken(victoria: Victoria, tmp_path: Path) -> None:
    house = OnVictoria(tmp_path, victoria)
    begun_ms = house.clock.now().wall_ms - 600_000
    for n in range(10):
        reading = call(0, battery_percent=90 - n, mains_power=n % 2 == 0, reachable=True)
        house.hear(reading, received_ms=begun_ms + n * 30_000)
    camera = {"device": "camera-01", "kind": "camera", "age_ms": 0, "picture": "black", "fps": 25.0}
    house.hear(camera, received_ms=begun_ms)
    house.drain()
    assert (house.recorder.state.stored, house.recorder.state.reason, read_asides(tmp_path)) == (11, "", [])

    # within the deadband (1 %) nothing is written again; each value stands at its own instant
    battery = victoria.points("call_terminal_battery_percent", **OF_CALL)
    assert battery == [(begun_ms + n * 30_000, 90.0 - n) for n in range(0, 10, 2)]
    mains = victoria.points("call_terminal_mains_power", **OF_CALL)
    assert mains == [(begun_ms + n * 30_000, float(n % 2 == 0)) for n in range(10)]
    # what was not written again is as it was, for five minutes
    asked = "last_over_time(call_terminal_reachable[5m])"
    assert victoria.value(asked, begun_ms + 9 * 30_000) == 1

    # words are lost: a picture that is black reads 0
    camera_is = {"centre": CALL[0], "device": "camera-01"}
    assert victoria.points("camera_picture", **camera_is) == [(begun_ms, 0.0)]
    assert victoria.points("camera_fps", **camera_is) == [(begun_ms, 25.0)]

    # what is written again after a crash doubles nothing
    house.recorder.close()
    JournalSource(tmp_path / "journal.db").release(0)
    house.start()
    house.drain()
    assert victoria.points("call_terminal_mains_power", **OF_CALL) == mains
    house.close()


def test_what_needs_flux_says_so_and_storing_goes_on(victoria: Victoria, tmp_path: Path) -> None:
    house = OnVictoria(tmp_path, victoria)
    taken_ms = house.clock.now().wall_ms - 3 * HOUR_MS
    house.hear(call(0, battery_percent=50), received_ms=taken_ms)
    house.drain()
    house.clock.move(60)
    house.drain()
    assert "/api/v2/query" in house.recorder.state.maintenance, "no hourly figures"
    assert house.recorder.state.failing_since_ms is None
    assert (taken_ms, 50.0) in victoria.points("call_terminal_battery_percent", **OF_CALL)
    with pytest.raises(StoreUnavailable, match="/api/v2/query"):
        house.influx.latest([CALL])
    house.close()
