"""What dashboards in Grafana are called: who makes them and who links to them agree here."""

from __future__ import annotations

FLEET = "fleet"
CENTRE = "centre"
MONITOR = "monitor"


def board_of_kind(kind: str) -> str:
    """The name of the dashboard of a kind's devices."""
    return f"kind-{kind.replace('_', '-')}"


def board_uid(board: str, language: str) -> str:
    """Its `uid`, the part of its address that never changes; at most 40 characters."""
    return f"shouwang-{board}-{language}"
