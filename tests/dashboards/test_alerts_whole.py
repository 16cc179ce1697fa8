"""From the journal to an alert: what the recorder writes by itself is what the rules look for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from influxdb_client.client.influxdb_client import InfluxDBClient
from sqlalchemy import insert, update

from dashboards.alerts import rule_group
from shouwang.ledger.tables import Device, Maintenance, Meta
from shouwang.signs import WATCHED_EVERY_S
from tests.collector.test_recorder import CENTRE, call
from tests.collector.test_recorder_signs import Noting
from tests.dashboards.alerting import Labels, evaluate, firing
from tests.dashboards.grafana import frames
from tests.servers import Bucket

pytestmark = pytest.mark.system


class Watched(Noting):
    """A recorder at work, and the rules looking at what it writes."""

    def firing(self, rule: str) -> list[Labels]:
        """What fires now, by the recorder's clock."""
        (asked,) = [each for each in rule_group()["rules"] if each["uid"] == f"shouwang-{rule}"]
        with InfluxDBClient(self.bucket.url, self.bucket.token, org=self.bucket.org) as client:
            ask = client.query_api().query
            now_ms = self.clock.now().wall_ms
            return firing(evaluate(asked, lambda flux: frames(ask(flux)), now_ms, self.bucket.bucket))

    def say(self, *devices: str, path: str = CENTRE, **fields: Any) -> None:
        """They are read, now."""
        kinds = {"site": "site", "call": "call_terminal"}
        readings = [
            {**call(device=each, **fields), "kind": kinds[each.rpartition("/")[2].partition("-")[0]]}
            for each in devices
        ]
        self.hear(*readings, path=path, received_ms=self.clock.now().wall_ms)

    def hears_well(self) -> None:
        """So the ledger says."""
        with self.engine.begin() as connection:
            connection.execute(update(Meta).where(Meta.key == "heard_well_at").values(value=str(self.now_ms)))

    @property
    def now_ms(self) -> int:
        return self.clock.now().wall_ms

    def later(self, seconds: float) -> None:
        """Time passes, and the recorder does its work."""
        self.clock.move(seconds)
        self.hears_well()
        self.drain()


@pytest.fixture
def house(influxdb: Bucket, tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path, influxdb, influxdb.url)
    made.clock.move(-3_600)
    with made.engine.begin() as connection:
        made.add(connection, "site-01", "site")
        connection.execute(insert(Meta).values(key="heard_well_at", value=str(made.now_ms)))
        connection.execute(update(Device).where(Device.device == "call-30").values(silent_after_s=390))
    made.heard(1, 3, 4)  # call-07, call-30 (on a feed), site-01
    yield made
    made.close()


def test_a_terminal_that_falls_silent(house: Watched) -> None:
    for _ in range(4):
        house.say("site-01", "call-07")
        house.say(f"{CENTRE}/call-30", path="call-platform", registered=True, last_heard_age_ms=60_000)
        house.later(30)
    assert house.firing("terminal-silent") == []
    for _ in range(4):
        house.say("site-01")
        house.later(30)
    assert [each["device"] for each in house.firing("terminal-silent")] == ["call-07"]  # over the settings' 100 s
    for _ in range(9):
        house.say("site-01")
        house.later(30)
    assert sorted(each["device"] for each in house.firing("terminal-silent")) == ["call-07", "call-30"]
    assert [house.firing(each) for each in ("centre-offline", "nothing-arrives", "collector-deaf")] == [[], [], []]
    with house.engine.begin() as connection:  # somebody works on it
        window = {"centre": CENTRE, "device": "call-07", "from_at": 0, "to_at": house.now_ms + 10**8, "who": "a"}
        connection.execute(insert(Maintenance).values(**window))
    for _ in range(round(3.6 * WATCHED_EVERY_S / 30)):
        house.say("site-01")
        house.later(30)
    assert [each["device"] for each in house.firing("terminal-silent")] == ["call-30"]


def test_a_collector_that_stops(house: Watched) -> None:
    for _ in range(4):
        house.say("site-01", "call-07")
        house.say(f"{CENTRE}/call-30", path="call-platform")
        house.later(30)
    house.clock.move(600)  # nothing runs any more
    assert house.firing("terminal-silent") == house.firing("centre-offline") == []
    assert house.firing("nothing-arrives") == [{}]
    house.drain()  # the recorder runs again, the watch does not
    house.clock.move(1)
    assert house.firing("collector-deaf") == [{}]


def test_a_help_call(house: Watched) -> None:
    house.press("call-07", "press-0001")
    house.later(1)
    assert [each["device"] for each in house.firing("help-call")] == ["call-07"]
    assert house.firing("help-call")[0]["centre"] == CENTRE
    house.later(1_000)
    assert house.firing("help-call") == []
