"""A bucket in which a test plants what its alert rule must see: readings and signs, by the recorder's own store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient

from dashboards.alerts import rule_group
from shouwang.clock import wall_ms
from shouwang.kinds import Kinds
from shouwang.readings.influx import InfluxStore
from shouwang.readings.store import Stored
from shouwang.signs import EVENT, MONITOR, WATCHED, Sign
from tests.dashboards.alerting import Alert, Labels, evaluate, firing
from tests.dashboards.grafana import Frame, frames
from tests.servers import Bucket

KINDS = Kinds()
CENTRE = "150525100201"
OTHER = "150525101300"
WELL: dict[str, Any] = {
    "deaf": False, "owed": 0, "owed_oldest_s": 0.0, "lag_rows": 0, "lag_s": 0.0, "incidents_open": 0,
    "emergencies_open": 0,
}  # fmt: skip


class Planted:
    """`now_ms` is the present of the rules. Ages are seconds before it."""

    def __init__(self, bucket: Bucket, directory: Path) -> None:
        self.bucket = bucket
        self.now_ms = wall_ms()
        self.store = InfluxStore(
            bucket.url, bucket.org, bucket.bucket, bucket.token, KINDS, marks=directory / "hours.db"
        )
        self.client: Any = InfluxDBClient(bucket.url, bucket.token, org=bucket.org)
        self.rules = {rule["uid"].removeprefix("shouwang-"): rule for rule in rule_group()["rules"]}

    def reads(
        self, device: str, *ages_s: float, kind: str = "call_terminal", centre: str = CENTRE, **says: Any
    ) -> None:
        """The device said so, so long ago, oldest first."""
        batch = [
            Stored(centre, device, kind, self.now_ms - round(age * 1000), KINDS.types[kind](device=device, **says))
            for age in ages_s
        ]
        assert self.store.write(batch) == []

    def watches(
        self,
        device: str,
        silent_after_s: float = 90.0,
        *,
        kind: str = "call_terminal",
        centre: str = CENTRE,
        path: str | None = None,
        age_s: float = 200.0,
    ) -> None:
        """The recorder named it so long ago as one to be heard."""
        tags = {"centre": centre, "device": device, "kind": kind, "path": path or centre}
        self.notes(WATCHED, tags, {"silent_after_s": float(silent_after_s)}, age_s)

    def calls(self, device: str, age_s: float, centre: str = CENTRE, event: str = "help_call") -> None:
        """An event came in."""
        tags = {"centre": centre, "device": device, "kind": "call_terminal"}
        self.notes(EVENT, tags, {"event": event, "id": f"{device}-{age_s}", "age_ms": 120}, age_s)

    def is_(self, age_s: float = 5.0, **monitor: Any) -> None:
        """The recorder said how the monitor is."""
        self.notes(MONITOR, {}, {**WELL, **monitor}, age_s)

    def notes(self, measurement: str, tags: dict[str, str], fields: dict[str, Any], age_s: float) -> None:
        """Any sign."""
        assert self.store.note([Sign(measurement, tags, fields, self.now_ms - round(age_s * 1000))]) == ""

    def ask(self, flux: str) -> list[Frame]:
        """Runs a query as Grafana would."""
        return frames(self.client.query_api().query(flux))

    def alerts(self, rule: str, later_s: float = 0.0) -> list[Alert]:
        """One evaluation of a rule."""
        at_ms = self.now_ms + round(later_s * 1000)
        return evaluate(self.rules[rule], self.ask, at_ms, self.bucket.bucket)

    def firing(self, rule: str, later_s: float = 0.0) -> list[Labels]:
        """What fires."""
        return sorted(firing(self.alerts(rule, later_s)), key=str)

    def names(self, rule: str, later_s: float = 0.0) -> list[str]:
        """The devices (else centres, else troubles) that fire."""
        return [
            each.get("device") or each.get("centre") or each.get("what") or "" for each in self.firing(rule, later_s)
        ]

    def close(self) -> None:
        """Lets go of the server."""
        self.client.close()
        self.store.close()
