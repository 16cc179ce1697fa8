"""What panels and variables ask: Flux of InfluxDB, and REST of the ledger, as the SDK's builders take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.places import LEDGER_TYPE, LEDGER_UID, READINGS_TYPE, READINGS_UID

READINGS = DataSourceRef(type_val=READINGS_TYPE, uid=READINGS_UID)
LEDGER = DataSourceRef(type_val=LEDGER_TYPE, uid=LEDGER_UID)
LIMIT = "1000"
"""Rows that one question to REST gives at most."""


class _Query(variants.Dataquery):
    """A target as JSON; the SDK sets `ref_id`."""

    def __init__(self, datasource: DataSourceRef, body: dict[str, Any], ref_id: str) -> None:
        self.datasource = datasource
        self.ref_id = ref_id
        self._body = body

    def to_json(self) -> dict[str, object]:
        """What stands in the dashboard."""
        return {"refId": self.ref_id, "datasource": self.datasource, **self._body}


class Flux(builder.Builder[variants.Dataquery]):
    """A query of the readings; `text` is a whole query, imports included."""

    def __init__(self, text: str, ref_id: str = "A") -> None:
        self._query = _Query(READINGS, {"query": text.strip() + "\n"}, ref_id)

    def build(self) -> variants.Dataquery:
        """The target."""
        return self._query


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a table is made of: where it stands in an item (`percent.ok`), what it is called, and its type as
    Infinity names it: `string`, `number`, `timestamp`, `boolean`."""

    selector: str
    text: str
    type: str = "string"


class Rest(builder.Builder[variants.Dataquery]):
    """A question to REST under `/api/v1`. `root`: where its rows stand, empty for the answer itself as one row.

    Answered by the plugin's backend parser, so that it works without a browser too (alerts, shared dashboards). As
    `series` it is one: a time, numbers, and text that tells series apart.
    """

    def __init__(
        self,
        path: str,
        columns: list[Column],
        params: Mapping[str, str] | None = None,
        *,
        root: str = "items",
        series: bool = False,
        ref_id: str = "A",
    ) -> None:
        self._query = _Query(LEDGER, rest(path, columns, params or {}, root=root, series=series), ref_id)

    def build(self) -> variants.Dataquery:
        """The target."""
        return self._query


def rest(path: str, columns: list[Column], params: Mapping[str, str], *, root: str, series: bool) -> dict[str, Any]:
    """A question as the Infinity data source takes it."""
    return {
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": "timeseries" if series else "table",
        "url": f"/api/v1{path}",
        "url_options": {
            "method": "GET",
            "params": [{"key": name, "value": value} for name, value in params.items()],
        },
        "root_selector": root,
        "columns": [{"selector": each.selector, "text": each.text, "type": each.type} for each in columns],
        "filters": [],
    }


def rest_variable(
    path: str, text: str, value: str, params: Mapping[str, str], *, root: str = "items"
) -> dict[str, object]:
    """A variable's query: what is shown, and what stands for it."""
    columns = [Column(text, "__text"), Column(value, "__value")]
    query = rest(path, columns, params, root=root, series=False)
    return {"refId": "variable", "queryType": "infinity", "infinityQuery": {"refId": "variable", **query}}


WITHIN = {"from": "${__from:date:iso}", "to": "${__to:date:iso}"}
"""Parameters of a question about the time chosen."""
