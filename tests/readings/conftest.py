"""Both stores, opened as the recorder opens them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shouwang.readings import ReadingStore, Retention, open_store
from shouwang.readings.influx_setup import setup_influxdb
from tests.readings.made import KINDS
from tests.servers import Bucket
from tests.servers.faulty import FaultyWay

RETENTION = Retention(raw_days=30, hourly_days=400)
Opener = Callable[..., ReadingStore]


@pytest.fixture
def open_embedded(tmp_path: Path) -> Iterator[Opener]:
    """Opens the embedded store of this test; `writable=False` as the API does."""
    opened: list[ReadingStore] = []

    def open_(*, writable: bool = True) -> ReadingStore:
        opened.append(open_store(None, tmp_path / "embedded", KINDS, writable=writable, retention=RETENTION))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def open_influx(influxdb: Bucket, tmp_path: Path) -> Iterator[Opener]:
    """Opens this test's bucket, with the tokens that the set-up makes; `url` for a way with faults in it."""
    made = setup_influxdb(influxdb.url, influxdb.token, org=influxdb.org, bucket=influxdb.bucket, retention=RETENTION)
    opened: list[ReadingStore] = []

    def open_(*, writable: bool = True, url: str | None = None, token: str | None = None) -> ReadingStore:
        opened.append(
            open_store(
                url or influxdb.url,
                tmp_path / "influx",
                KINDS,
                org=influxdb.org,
                bucket=influxdb.bucket,
                token=token or (made.recorder_token if writable else made.reader_token) or "",
                writable=writable,
            )
        )
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture(params=["embedded", pytest.param("influx", marks=pytest.mark.system)])
def open_any(request: pytest.FixtureRequest) -> Opener:
    """Either store: what holds of both is said once."""
    opener: Opener = request.getfixturevalue(f"open_{request.param}")
    return opener


@pytest.fixture
def faulty(influxdb: Bucket) -> Iterator[FaultyWay]:
    """A way to InfluxDB that can fail as networks and proxies do."""
    way = FaultyWay(influxdb.server.host, influxdb.server.port)
    yield way
    way.close()
