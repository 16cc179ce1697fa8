"""Mistakes planted in the alert rules: each must change what fires on data that has something of everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from dashboards.alerts import judging
from shouwang.kinds import Kinds
from shouwang.readings.store import Retention
from tests.dashboards.planted import OTHER, Planted
from tests.dashboards.test_alert_rules import terminals
from tests.servers import InfluxDB

Rule = dict[str, Any]
HOUR_S = 3_600


@pytest.fixture(scope="module")
def everything(influxdb_server: InfluxDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    influxdb_server.start()
    with influxdb_server.bucket() as bucket:
        planted = Planted(bucket, tmp_path_factory.mktemp("planted"))
        terminals(planted)
        planted.watches("call-04", 90_000)
        planted.reads("call-04", 86_000, reachable=True)
        planted.watches("call-08", age_s=2_000)
        planted.reads("call-08", 5_000, reachable=True)
        planted.watches("call-22", 390, path="platform")
        planted.reads("call-22", 20, registered=True, last_heard_age_ms=900_000)
        planted.watches("site-01", 120, kind="site", centre=OTHER)
        planted.reads("site-01", 400, kind="site", centre=OTHER)
        planted.watches("call-11", centre=OTHER)
        planted.reads("call-11", 400, centre=OTHER)
        planted.watches("site-01", 120, kind="site", centre="150525100300")
        planted.reads("site-01", 170, kind="site", centre="150525100300")
        planted.calls("call-01", 60)
        planted.calls("call-02", 950)
        planted.calls("call-03", 60, event="tamper")
        planted.is_(age_s=20)
        planted.is_(age_s=5, deaf=True, owed=1, owed_oldest_s=700.0, lag_s=400.0)
        yield planted
        planted.close()


def seen(planted: Planted, rule: Rule, name: str) -> object:
    """What fires now and an hour later, or that it cannot be worked out."""
    planted.rules[name] = rule
    try:
        return [planted.firing(name, later_s) for later_s in (0, HOUR_S)]
    except Exception as error:
        return f"{type(error).__name__}"


def in_query(before: str, after: str) -> Callable[[Rule], None]:
    def plant(rule: Rule) -> None:
        model = rule["data"][0]["model"]
        assert before in model["query"], f"{before!r} is not in the query any more"
        model["query"] = model["query"].replace(before, after)

    return plant


def reach(seconds: int) -> Callable[[Rule], None]:
    return lambda rule: rule["data"][0]["relativeTimeRange"].update({"from": seconds})


def limit(value: float) -> Callable[[Rule], None]:
    return lambda rule: rule["data"][2]["model"]["conditions"][0]["evaluator"].update({"params": [value]})


MISTAKES: list[tuple[str, str, Callable[[Rule], None]]] = [
    ("terminal-silent", "not held", in_query("then newest_ms else stop_ms", "then stop_ms else stop_ms")),
    ("terminal-silent", "a report of an old state counts", in_query("told: r.aged_ms >= r.whole_ms", "told: false")),
    ("terminal-silent", "the path does not speak first", in_query("default: false)", "default: false) or true")),
    ("terminal-silent", "who is watched no more", in_query("now_ms - r.at_ms < 1050000", "now_ms - r.at_ms < 9050000")),
    ("terminal-silent", "limits in seconds", in_query("r._value * 1000.0", "r._value")),
    ("terminal-silent", "one limit for all", in_query("then r.n else accumulator.limit_ms", "then 90000 else 90000")),
    ("terminal-silent", "the wrong way round", in_query("r.silent_ms > r.limit_ms)", "r.silent_ms < r.limit_ms)")),
    ("terminal-silent", "all in one series", in_query('["centre", "device", "path", "township"])', "[])")),
    ("terminal-silent", "no column of times", in_query("_time: v.timeRangeStop", "at: string(v: v.timeRangeStop)")),
    ("terminal-silent", "looks back too short", reach(HOUR_S)),
    ("terminal-silent", "another kind", in_query('r._measurement == "call_terminal"', 'r._measurement == "camera"')),
    ("terminal-silent", "a name misspelt", in_query("silent_after_s", "silent_after")),
    ("centre-offline", "no grace", in_query("r.limit_ms + 60000)", "r.limit_ms)")),
    ("centre-offline", "not held", in_query("then newest_ms else stop_ms", "then stop_ms else stop_ms")),
    ("centre-offline", "held too late", in_query("newest_ms > 60000", "newest_ms > 6000000")),
    ("help-call", "any event", in_query(' and r._value == "help_call"', "")),
    ("help-call", "too far back", reach(HOUR_S)),
    ("help-call", "only what is long ago", limit(60)),
    ("nothing-arrives", "any value fires", lambda rule: rule.update(condition="B")),
    ("nothing-arrives", "in milliseconds", in_query("newest_ms) / 1000.0", "newest_ms)")),
    ("nothing-arrives", "never", limit(86_400 * 9)),
    ("collector-deaf", "a name misspelt", in_query('"deaf"', '"dead"')),
    ("collector-deaf", "the first, not the last", in_query("last()", "first()")),
    ("collector-deaf", "the wrong way round", in_query("_value: float(", "_value: 1.0 - float(")),
    ("monitor-unwell", "another limit", in_query("over: 600.0", "over: 900.0")),
    ("monitor-unwell", "no labels", in_query('group(columns: ["what"])', "group()")),
    ("monitor-unwell", "asks the hourly bucket", in_query("v.defaultBucket", 'v.defaultBucket + "_hourly"')),
]  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize(("name", "what", "plant"), MISTAKES, ids=[f"{name}: {what}" for name, what, _ in MISTAKES])
def test_a_mistake_is_found(everything: Planted, name: str, what: str, plant: Callable[[Rule], None]) -> None:
    right = everything.rules[name]
    meant = seen(everything, right, name)
    assert isinstance(meant, list), meant
    assert meant != [[], []], "the data has nothing for this rule"
    wrong = deepcopy(right)
    plant(wrong)
    assert json.dumps(wrong) != json.dumps(right)
    try:
        assert seen(everything, wrong, name) != meant
    finally:
        everything.rules[name] = right


def test_figures_of_the_rules_are_those_of_others() -> None:
    terminals = [kind for kind in Kinds().declared.values() if kind.is_terminal]
    assert {kind.fields[judging.AGE].deadband for kind in terminals} == {judging.AGE_DEADBAND_S * 1000}
    with pytest.raises(ValueError, match="at least 8"):
        Retention(raw_days=judging.LOOK_BACK_S // 86_400 - 1)
    longest = max(
        limits.silent_after_s for kind in terminals for limits in (kind.limits, *map(kind.limits_of, kind.profiles))
    )
    assert longest < judging.LOOK_BACK_S
