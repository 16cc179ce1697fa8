"""A power cut is one incident, however many batteries take over."""

from __future__ import annotations

from collections import Counter

from collector.facts import DeviceFacts
from shouwang.vocabulary import Cause, Severity
from tests.collector.test_incidents_common import restarted
from tests.collector.village import Village, centres, device, fleet, path

ON_BATTERY = {"mains_power": False, "battery_percent": 90.0}
RUNNING_OUT = {"mains_power": False, "battery_percent": 45.0}


def _terminals(count: int, first: int = 1, centre: str = "c0") -> list[DeviceFacts]:
    return [device(n, centre, f"call-{n:02}") for n in range(first, first + count)]


def test_thirty_terminals_on_their_batteries_are_one_incident() -> None:
    village = Village(fleet([path("c0")], _terminals(30))).start().wait(60)
    village.says = dict.fromkeys(range(1, 31), ON_BATTERY)
    village.wait(400)
    incident = village.the(Cause.DEVICES_LOST_TOGETHER)
    assert len(village.open) == 1
    assert (incident.scope, incident.severity, incident.reasons) == ("switch:c0", Severity.MINOR, ("mains_lost",))
    assert len(incident.members) == 30
    assert (incident.devices_unwatched, incident.terminals_unwatched) == (0, 0), "they are watched still"
    assert village.told() == ["opened"]
    village.says = {}
    village.wait(60)
    assert village.open == []
    assert village.told() == ["opened", "closed"]


def test_cameras_that_die_and_terminals_on_batteries_are_one_power_cut() -> None:
    devices = [*_terminals(15), *(device(n, "c0", f"cam-{n:02}", "camera") for n in range(16, 26))]
    village = Village(fleet([path("c0")], devices)).start().wait(60)
    village.says = dict.fromkeys(range(1, 16), ON_BATTERY) | {n: {"reachable": False} for n in range(16, 26)}
    village.wait(500)
    assert [each.cause for each in village.open] == [Cause.DEVICES_LOST_TOGETHER]
    assert len(village.the(Cause.DEVICES_LOST_TOGETHER).members) == 25


def test_batteries_that_run_down_make_it_graver_not_many() -> None:
    village = Village(fleet([path("c0")], _terminals(10))).start().wait(60)
    village.says = dict.fromkeys(range(1, 11), ON_BATTERY)
    village.wait(300)
    village.says = dict.fromkeys(range(1, 11), RUNNING_OUT)
    village.wait(100)
    assert [(each.cause, each.severity) for each in village.open] == [(Cause.DEVICES_LOST_TOGETHER, Severity.MAJOR)]
    assert village.told() == ["opened", "escalated"]


def test_a_terminal_whose_battery_is_empty_is_an_incident_of_its_own() -> None:
    village = Village(fleet([path("c0")], _terminals(10))).start().wait(60)
    village.says = dict.fromkeys(range(1, 11), ON_BATTERY)
    village.wait(3600)
    village.working -= {1}
    village.wait(300)
    assert Counter(each.cause for each in village.open) == {Cause.DEVICES_LOST_TOGETHER: 1, Cause.DEVICE_SILENT: 1}
    assert village.the(Cause.DEVICE_SILENT).severity is Severity.CRITICAL


def test_one_plug_pulled_is_one_device_degraded() -> None:
    village = Village(fleet([path("c0")], _terminals(10))).start().wait(60)
    village.says = {1: ON_BATTERY}
    village.wait(400)
    incident = village.the(Cause.DEVICE_DEGRADED)
    assert (incident.device, incident.reasons, incident.severity) == ("call-01", ("mains_lost",), Severity.MINOR)
    village.wait(4 * 3600)
    assert village.the(Cause.DEVICE_DEGRADED).severity is Severity.MAJOR, "four hours without mains"
    village.says = {}
    village.wait(60)
    assert village.open == []


def test_what_else_is_wrong_with_one_of_them_is_said_apart() -> None:
    village = Village(fleet([path("c0")], _terminals(10))).start().wait(60)
    village.says = dict.fromkeys(range(1, 11), ON_BATTERY) | {3: ON_BATTERY | {"tamper": True}}
    village.wait(400)
    assert Counter(each.cause for each in village.open) == {Cause.DEVICES_LOST_TOGETHER: 1, Cause.DEVICE_DEGRADED: 1}
    assert village.the(Cause.DEVICE_DEGRADED).device == "call-03"
    village.says[3] = ON_BATTERY
    village.wait(60)
    assert [each.cause for each in village.open] == [Cause.DEVICES_LOST_TOGETHER]


def test_a_township_on_its_batteries_is_one_incident() -> None:
    village = Village(centres(4, 10)).start().wait(60)
    village.says = dict.fromkeys(range(1, 41), ON_BATTERY)
    village.wait(400)
    assert len(village.open) == 1
    outage = village.the(Cause.AREA_OUTAGE)
    assert outage.scope.startswith("mains:")
    assert len(outage.members) == 40


def test_it_goes_on_over_a_restart() -> None:
    village = Village(fleet([path("c0")], _terminals(10))).start().wait(60)
    village.says = dict.fromkeys(range(1, 11), ON_BATTERY)
    village.wait(300)
    restarted(village)
    village.wait(300)
    assert [each.cause for each in village.open] == [Cause.DEVICES_LOST_TOGETHER]
    village.says = {}
    village.wait(100)
    assert village.open == []
    assert village.told() == ["opened", "closed"]
