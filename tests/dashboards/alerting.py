"""What Grafana does with an alert rule: asks, takes the last value of each series, compares, and waits.

From its documentation and public behaviour: no Grafana can be had where these tests run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.dashboards.grafana import Asking, Frame

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Alert:
    """One series of a rule's answer."""

    labels: Labels
    value: float
    fires: bool


def evaluate(rule: Mapping[str, Any], ask: Callable[[str], list[Frame]], now_ms: int, bucket: str) -> list[Alert]:
    """One evaluation. Raises AssertionError for what Grafana would refuse or could not work out."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for query in rule["data"]:
        model = query["model"]
        if query["datasourceUid"] != "__expr__":
            reach = query["relativeTimeRange"]
            asking = Asking(now_ms - reach["from"] * 1000, now_ms - reach["to"] * 1000, bucket=bucket)
            assert "${" not in model["query"], "a rule knows no variables"
            found[query["refId"]] = _series(ask(asking.flux(model["query"])))
        elif model["type"] == "reduce":
            assert model["reducer"] == "last"
            found[query["refId"]] = found[model["expression"]]
        else:
            assert model["type"] == "threshold"
            (condition,) = model["conditions"]
            assert condition["evaluator"]["type"] == "gt"
            (limit,) = condition["evaluator"]["params"]
            found[query["refId"]] = {
                labels: float(value > limit) for labels, value in found[model["expression"]].items()
            }
    values, fires = found["B"], found[rule["condition"]]
    return [Alert(dict(labels), values[labels], bool(fire)) for labels, fire in fires.items()]


def firing(alerts: list[Alert]) -> list[Labels]:
    """The labels of those that fire."""
    return [alert.labels for alert in alerts if alert.fires]


def _series(frames: list[Frame]) -> dict[tuple[tuple[str, str], ...], float]:
    made: dict[tuple[tuple[str, str], ...], float] = {}
    for frame in frames:
        assert frame.names[0] == "Time", "an alert needs a series, not a table"
        labels = tuple(sorted(frame.series.labels.items()))
        assert labels not in made, f"two series with the labels {labels}"
        numbers = [value for value in frame.series.values if value is not None and not math.isnan(value)]
        made[labels] = float(numbers[-1])
    return made
