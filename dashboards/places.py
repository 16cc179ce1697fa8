"""Where things stand in Grafana: data sources, folders, and the two languages. Provisioning, dashboards and rules agree
through these names."""

from __future__ import annotations

from dataclasses import dataclass

READINGS_UID = "shouwang-readings"
READINGS_TYPE = "influxdb"
"""InfluxDB in Flux, which Grafana brings itself."""

LEDGER_UID = "shouwang-ledger"
LEDGER_TYPE = "yesoreyeram-infinity-datasource"
"""Our REST, read by the Infinity data source (a plugin, Apache-2.0): it serves a ledger on SQLite and on PostgreSQL
alike, keeps role and township of its token, and puts no reader on the ledger's file."""

LANGUAGES = ("en", "zh")
"""Every dashboard is made in each; numbers, names and colours are the same."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of Grafana's; `uid` never changes, dashboards and rules name it."""

    uid: str
    title: str


FOLDERS = {"en": Folder("shouwang-en", "Shouwang"), "zh": Folder("shouwang-zh", "守望")}
ALERTS = Folder("shouwang-alerts", "守望告警 Shouwang alerts")
"""Where the alert rules lie: they are told in both languages at once."""
