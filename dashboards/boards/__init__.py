"""The dashboards: every one there is, in a language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.boards.centre import centre
from dashboards.boards.fleet import fleet
from dashboards.boards.kind import of_kind
from dashboards.boards.monitor import monitor
from dashboards.looks import Tongue
from shouwang.kinds import Kind


def boards(kinds: Mapping[str, Kind], tongue: Tongue) -> Iterator[Dashboard]:
    """Fleet, centre, one a kind, and the monitor itself."""
    yield fleet(tongue)
    yield centre(tongue, kinds)
    for kind in kinds.values():
        yield of_kind(kind, tongue)
    yield monitor(tongue)


__all__ = ["boards"]
