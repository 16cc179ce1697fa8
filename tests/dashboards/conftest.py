"""A real InfluxDB with a history in it, once for all tests here."""

from collections.abc import Iterator

import pytest

from shouwang.clock import SystemClock
from tests.dashboards import history
from tests.servers import InfluxDB


@pytest.fixture(scope="session")
def filled(influxdb_server: InfluxDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[history.Filled]:
    """Three hours of three centres, until this minute; what is wrong in them stands in `history.py`."""
    until_ms = SystemClock().now().wall_ms // 60_000 * 60_000
    with influxdb_server.bucket() as bucket:
        yield history.fill(bucket, until_ms, tmp_path_factory.mktemp("recorder"))
