"""What dashboards in Grafana are called, and the numbers that stand for words in a graph: who makes them, who answers
their questions and who links to them agree here."""

from __future__ import annotations

from shouwang.vocabulary import Condition, Severity

FLEET = "fleet"
CENTRE = "centre"
MONITOR = "monitor"

MAINTENANCE = "maintenance"
CONDITION_CODES = {
    Condition.OK.value: 0,
    MAINTENANCE: 1,
    Condition.DEGRADED.value: 2,
    Condition.UNKNOWN.value: 3,
    Condition.SILENT.value: 4,
    Condition.DOWN.value: 5,
}
"""Greater is worse: a graph over time needs numbers."""
SEVERITY_CODES = {
    "none": 0,
    **{severity.value: len(Severity) - severity.rank for severity in Severity},
}
"""0: nothing is open; 4: an emergency."""


def board_of_kind(kind: str) -> str:
    """The name of the dashboard of a kind's devices."""
    return f"kind-{kind}"


def board_uid(board: str, language: str) -> str:
    """Its `uid`, the part of its address that never changes; at most 40 characters."""
    return f"shouwang-{board}-{language}"
