"""What the Infinity data source makes of a question to REST, with our real API behind it: the address that it asks, and
the frame that its backend parser makes of the answer.

From its documentation and public behaviour (the plugin is not to be had where these tests run), of it only what our
dashboards use: dotted selectors, and types that convert. What is beyond that is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from shouwang.clock import parse_rfc3339
from tests.dashboards.grafana import Asking, Column, Frame

_KEYS = {
    "refId", "datasource", "type", "source", "parser", "format", "url", "url_options", "root_selector", "columns",
    "filters",
}  # fmt: skip
_SELECTOR = re.compile(r"\w+(\.\w+)*")
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "timestamp": (str,),
}


class NotUnderstood(AssertionError):
    """The plugin would not make of it what is meant."""


@dataclass(frozen=True)
class Infinity:
    """The data source as it is provisioned: its base address is the client's, its token goes with every question."""

    client: httpx.AsyncClient
    token: str

    async def frames(self, query: Mapping[str, Any], asking: Asking) -> list[Frame]:
        """Asks, and gives what the panel is given. Raises NotUnderstood, also where REST refuses."""
        if unknown := query.keys() - _KEYS:
            raise NotUnderstood(f"the plugin knows no {sorted(unknown)}")
        kept = (query["type"], query["source"], query["parser"], query["url_options"]["method"])
        if kept != ("json", "url", "backend", "GET"):
            raise NotUnderstood(f"{kept} is not how we ask")
        params: list[tuple[str, str | int | float | bool | None]] = [
            (each["key"], asking.filled_in(each["value"])) for each in query["url_options"]["params"]
        ]
        url = asking.filled_in(query["url"])
        if left := re.findall(r"\$\{?\w+", url + str(params)):
            raise NotUnderstood(f"nothing fills in {left}")
        answer = await self.client.get(url, params=params, headers={"authorization": f"Bearer {self.token}"})
        if answer.status_code != 200:
            raise NotUnderstood(f"{answer.request.url}: {answer.status_code} {answer.text[:300]}")
        known = {name for name, _ in params}
        rows = _at(answer.json(), query["root_selector"])
        rows = rows if isinstance(rows, list) else [rows]
        columns = [
            Column(each["text"], [_value(row, each["selector"], each["type"]) for row in rows])
            for each in query["columns"]
        ]
        for each, column in zip(query["columns"], columns, strict=True):
            if rows and not any(_has(row, each["selector"]) for row in rows):
                raise NotUnderstood(f"{each['selector']!r} stands in no row of {url} (asked with {sorted(known)})")
            assert column.name
        if query["format"] == "timeseries":
            return [_wide(Frame(columns), query["columns"])] if rows else []
        return [Frame(columns)]


def _at(value: Any, selector: str) -> Any:
    if not selector:
        return value
    if not _SELECTOR.fullmatch(selector):
        raise NotUnderstood(f"{selector!r} is more than a dotted path")
    for part in selector.split("."):
        if not isinstance(value, dict) or part not in value:
            raise NotUnderstood(f"the answer has no {selector!r}")
        value = value[part]
    return value


def _has(row: Any, selector: str) -> bool:
    value = row
    for part in selector.split("."):
        if value is None:
            return True  # null: its parts are empty
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def _value(row: Any, selector: str, type_: str) -> Any:
    value = row
    for part in selector.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return None
    if not isinstance(value, _TYPES[type_]) or (type_ == "number" and isinstance(value, bool)):
        raise NotUnderstood(f"{selector!r} is {value!r}, which is no {type_}")
    return parse_rfc3339(str(value)) if type_ == "timestamp" else value


def _wide(long: Frame, columns: list[dict[str, str]]) -> Frame:
    """Grafana's plugin SDK, `LongToWide`: one time, numbers, and texts that tell series apart; in order of time."""
    by_type: dict[str, list[str]] = {}
    for each in columns:
        by_type.setdefault(each["type"], []).append(each["text"])
    times, numbers = by_type.get("timestamp", []), by_type.get("number", [])
    if len(times) != 1 or not numbers:
        raise NotUnderstood("a series has one time and some numbers")
    at = long[times[0]]
    if at != sorted(at) or None in at:
        raise NotUnderstood("a series is in order of time")
    factors = by_type.get("string", [])
    instants = sorted(set(at))
    places = {instant: place for place, instant in enumerate(instants)}
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Any]] = {}
    for row in range(long.rows):
        labels = tuple((name, long[name][row]) for name in factors)
        for name in numbers:
            values = found.setdefault((name, labels), [None] * len(instants))
            values[places[at[row]]] = long[name][row]
    return Frame(
        [Column("Time", instants), *(Column(name, values, dict(labels)) for (name, labels), values in found.items())]
    )
