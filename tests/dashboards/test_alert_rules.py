"""Each alert rule on a real InfluxDB: what fires, what does not, and what is held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dashboards.planted import CENTRE, OTHER, Planted
from tests.servers import Bucket

pytestmark = pytest.mark.system


@pytest.fixture
def planted(influxdb: Bucket, tmp_path: Path) -> Iterator[Planted]:
    made = Planted(influxdb, tmp_path)
    yield made
    made.close()


def terminals(planted: Planted) -> None:
    """A centre whose site speaks, one terminal that does too, and one that is silent past its limit."""
    planted.watches("site-01", 120, kind="site")
    planted.reads("site-01", 40, 10, kind="site", mains_power=True)
    planted.watches("call-01")
    planted.reads("call-01", 70, 40, 10, reachable=True)
    planted.watches("call-02")
    planted.reads("call-02", 600, 150, reachable=True)


def test_a_terminal_past_its_limit_fires_and_no_other(planted: Planted) -> None:
    terminals(planted)
    planted.watches("call-03", 390)
    planted.reads("call-03", 380, reachable=True)
    planted.watches("call-04", 90_000)  # on a battery: twice a day
    planted.reads("call-04", 86_000, reachable=True)
    planted.watches("call-05", 90_000)
    planted.reads("call-05", 91_000, reachable=True)
    planted.watches("call-06")  # heard once, and not in the last eight days
    planted.reads("call-07", 5_000, reachable=True)  # nobody named it: in maintenance, or retired
    planted.watches("call-08", age_s=2_000)  # named no more
    planted.reads("call-08", 5_000, reachable=True)
    assert planted.names("terminal-silent") == ["call-02", "call-05", "call-06"]
    (labels,) = [each for each in planted.firing("terminal-silent") if each["device"] == "call-02"]
    assert labels == {"centre": CENTRE, "device": "call-02", "path": CENTRE, "township": "150525100"}
    (alert,) = [each for each in planted.alerts("terminal-silent") if each.labels == labels]
    assert alert.value == pytest.approx(150, abs=0.01)


def test_a_report_of_an_old_state_is_no_sign_of_life(planted: Planted) -> None:
    terminals(planted)
    for device, age_ms in (("call-21", 60_000), ("call-22", 900_000)):
        planted.watches(device, 390, path="platform")
        planted.reads(device, 20, registered=True, last_heard_age_ms=age_ms)
    # what stays within the deadband is not written again: it may be wrong by a minute, which is not held against it
    planted.watches("call-23", 90, path="platform")
    planted.reads("call-23", 100, 40, 10, last_heard_age_ms=80_000)
    # it said so once, and says it no more: its own readings count again
    planted.watches("call-24", 90, path="platform")
    planted.reads("call-24", 400, last_heard_age_ms=500_000)
    planted.reads("call-24", 10, registered=True)
    assert planted.names("terminal-silent") == ["call-02", "call-22"]


def test_the_path_speaks_first(planted: Planted) -> None:
    terminals(planted)
    planted.watches("site-01", 120, kind="site", centre=OTHER)
    planted.reads("site-01", 400, kind="site", centre=OTHER)
    planted.watches("call-11", centre=OTHER)
    planted.reads("call-11", 400, centre=OTHER)
    planted.watches("call-12", centre=OTHER, path="platform")  # its own SIM: it does not fall with the centre
    planted.reads("call-12", 400, centre=OTHER)
    assert planted.names("terminal-silent") == ["call-02", "call-12"]
    assert planted.firing("centre-offline") == [{"centre": OTHER, "township": "150525101"}]


def test_a_centre_is_offline_when_its_site_is_not_heard(planted: Planted) -> None:
    terminals(planted)
    for centre, age_s in (("150525100300", 170), ("150525100301", 200), ("east-office", 500)):
        planted.watches("site-01", 120, kind="site", centre=centre)
        planted.reads("site-01", age_s, kind="site", centre=centre)
    planted.reads("site-01", 3_000, kind="site", centre="150525100302")  # not live: nobody named it
    assert planted.firing("centre-offline") == [
        {"centre": "150525100301", "township": "150525100"},
        {"centre": "east-office", "township": "east-office"},
    ]


def test_while_nothing_arrives_rules_about_devices_are_held_and_one_rule_fires(planted: Planted) -> None:
    terminals(planted)
    assert planted.firing("nothing-arrives") == []
    (alert,) = planted.alerts("nothing-arrives")
    assert alert.value == pytest.approx(10, abs=0.01)
    assert planted.firing("nothing-arrives", later_s=45) == []
    assert planted.firing("nothing-arrives", later_s=55) == [{}]
    for later_s in (55, 3_600, 86_400):  # all of it past its limit by now; what was silent before stays so
        assert planted.names("terminal-silent", later_s) == ["call-02"]
        assert planted.firing("centre-offline", later_s) == []
        assert planted.firing("nothing-arrives", later_s) == [{}]
    planted.now_ms += 3_600_000
    planted.watches("call-01", age_s=1)
    planted.watches("call-02", age_s=1)
    planted.watches("site-01", 120, kind="site", age_s=1)
    planted.reads("site-01", 1, kind="site", mains_power=True)
    planted.reads("call-02", 1, reachable=True)
    assert planted.firing("nothing-arrives") == []
    assert planted.names("terminal-silent") == ["call-01"]


def test_an_empty_bucket_says_that_nothing_arrives(planted: Planted) -> None:
    assert planted.firing("nothing-arrives") == [{}]
    for rule in ("terminal-silent", "centre-offline", "help-call", "collector-deaf", "monitor-unwell"):
        assert planted.alerts(rule) == []
        assert planted.rules[rule]["noDataState"] == "OK"


def test_a_help_call_fires_at_once_and_is_never_held(planted: Planted) -> None:
    planted.reads("call-01", 7_200, reachable=True)  # nothing arrives
    planted.calls("call-01", 2)
    planted.calls("call-02", 890)
    planted.calls("call-02", 500)
    planted.calls("call-03", 910)
    planted.calls("call-04", 5, event="tamper")
    assert planted.names("help-call") == ["call-01", "call-02"]
    assert planted.rules["help-call"]["for"] == "0s"
    values = {alert.labels["device"]: alert.value for alert in planted.alerts("help-call")}
    assert values == {"call-01": pytest.approx(2, abs=0.01), "call-02": pytest.approx(500, abs=0.01)}


def test_a_deaf_collector_fires(planted: Planted) -> None:
    planted.is_(age_s=20)
    assert planted.firing("collector-deaf") == []
    planted.is_(age_s=5, deaf=True)
    assert planted.firing("collector-deaf") == [{}]
    planted.is_(age_s=1)
    assert planted.firing("collector-deaf") == []


def test_the_monitor_is_not_well(planted: Planted) -> None:
    planted.reads("site-01", 10, kind="site")
    planted.is_(owed=1, owed_oldest_s=590.0, lag_s=290.0)
    assert planted.firing("monitor-unwell") == []
    planted.is_(age_s=3, owed=3, owed_oldest_s=700.0, lag_s=400.0)
    assert planted.names("monitor-unwell") == ["notifications_owed", "recorder_behind"]
    planted.is_(age_s=1)
    assert planted.firing("monitor-unwell") == []


def test_a_monitor_that_says_nothing_while_readings_come(planted: Planted) -> None:
    planted.is_(age_s=150)
    planted.reads("site-01", 10, kind="site")
    assert planted.names("monitor-unwell") == ["signs_missing"]
    assert planted.firing("monitor-unwell", later_s=3_600) == [{"what": "signs_missing"}]


def test_that_nothing_arrives_is_not_told_twice(planted: Planted) -> None:
    planted.is_(age_s=5)
    planted.reads("site-01", 1, kind="site")
    assert planted.firing("monitor-unwell", later_s=3_600) == []
