"""The way from a page of the console to its dashboard in Grafana, where there is one (`[grafana] url`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from shouwang.boards import CENTRE, FLEET, MONITOR, board_of_kind, board_uid
from shouwang.clock import parse_rfc3339
from shouwang.vocabulary import Cause

BESIDE_MS = 3_600_000
"""So much of the time before and after an incident is shown with it."""
_OF_THE_MONITOR = (Cause.COLLECTOR_DEAF, Cause.CANNOT_RECORD, Cause.STORE_FAILING)


@dataclass(frozen=True, slots=True)
class Grafana:
    """`url`: as people reach it; None: there is none, and every way is None."""

    url: str | None
    language: str
    now_ms: int

    def device(self, device: Mapping[str, Any]) -> str | None:
        """The dashboard of its kind, with this device chosen."""
        chosen = {"var-centre": device["centre"], "var-device": device["device"]}
        return self._board(board_of_kind(device["kind"]), chosen)

    def centre(self, centre: str) -> str | None:
        """The dashboard of a centre."""
        return self._board(CENTRE, {"var-centre": centre})

    def incident(self, incident: Mapping[str, Any]) -> str | None:
        """The dashboard of what it is about, over its time: a device, a centre, a township, or the monitor itself."""
        since_ms = parse_rfc3339(incident["since"])
        until_ms = parse_rfc3339(incident["closed_at"]) if incident["closed_at"] else self.now_ms
        chosen: dict[str, str | int] = {"from": since_ms - BESIDE_MS, "to": min(until_ms + BESIDE_MS, self.now_ms)}
        if incident["cause"] in _OF_THE_MONITOR:
            return self._board(MONITOR, chosen)
        if incident["device"] and incident["kind"]:
            chosen |= {"var-centre": incident["centre"], "var-device": incident["device"]}
            return self._board(board_of_kind(incident["kind"]), chosen)
        if incident["centre"] and incident["cause"] != Cause.FEED_OFFLINE:
            return self._board(CENTRE, chosen | {"var-centre": incident["centre"]})
        if incident["township"]:
            chosen["var-township"] = incident["township"]
        return self._board(FLEET, chosen)

    def _board(self, board: str, query: Mapping[str, str | int]) -> str | None:
        return None if self.url is None else f"{self.url}/d/{board_uid(board, self.language)}?{urlencode(query)}"
