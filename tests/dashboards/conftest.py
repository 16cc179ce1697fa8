"""A real InfluxDB with a history in it, once for all tests here."""

import os
from collections.abc import Iterator
from pathlib import Path

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


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The tests of a real Grafana are there where one is named: elsewhere nothing could make them run."""
    asked_for = parent.session.isinitpath(file_path)  # then pytest takes it in by itself
    if file_path.name == "real_grafana.py" and os.environ.get("GRAFANA_URL") and not asked_for:
        module: pytest.Module = pytest.Module.from_parent(parent, path=file_path)
        return module
    return None
