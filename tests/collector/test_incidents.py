"""Incidents about one device or one path, and what people do to them: each rule by its name."""

from __future__ import annotations

import pytest

from shouwang.vocabulary import Cause, Severity
from tests.collector.village import Village, centres, device, fleet, path


def _silent(count: int = 1, terminals: int = 2) -> Village:
    """One terminal of `c0` has fallen silent a moment ago (its limit ran out between 120 and 150 s)."""
    village = Village(centres(count, terminals)).start().wait(60)
    village.working.discard(1)
    return village.wait(91)


# --- shown, then told


def test_a_silent_terminal_is_one_incident_shown_at_its_limit() -> None:
    village = _silent()
    incident = village.the(Cause.DEVICE_SILENT)
    assert (incident.centre, incident.device, incident.township) == ("c0", "call-00", "t0")
    assert incident.severity is Severity.CRITICAL
    assert incident.members == ["c0/call-00"]
    assert (incident.devices_unwatched, incident.terminals_unwatched) == (1, 1)
    assert village.second(incident.since_ms) == pytest.approx(60, abs=31)
    assert incident.opened_at_ms - incident.since_ms == pytest.approx(90_000, abs=500)
    assert village.told() == []


def test_it_is_told_after_its_time_to_tell_if_it_still_holds() -> None:
    village = _silent()
    opened = village.second(village.the(Cause.DEVICE_SILENT).opened_at_ms)
    planned = village.the(Cause.DEVICE_SILENT).tell_at_ms
    assert planned is not None
    assert village.second(planned) == pytest.approx(opened + 120, abs=0.1)
    village.wait(125)
    assert village.told() == ["opened"]
    assert village.owed[0].at_s == pytest.approx(opened + 120, abs=0.3)
    assert village.the(Cause.DEVICE_SILENT).told_at_ms is not None
    village.wait(1000)
    assert village.told() == ["opened"]


def test_who_comes_back_before_its_time_to_tell_is_not_told_of() -> None:
    village = _silent()
    village.working.add(1)
    village.wait(300)
    assert village.open == []
    assert village.told() == []
    assert [each.closed_as for each in village.records.values()] == ["recovered"]


def test_who_was_told_is_told_of_the_end() -> None:
    village = _silent().wait(130)
    village.working.add(1)
    village.wait(31)
    assert village.told() == ["opened", "closed"]


def test_a_probe_is_asked_for_in_between() -> None:
    village = _silent()
    assert [step.probe.id for step in village.steps if step.probe] == [1]
    village.incidents.probed(village.fleet.by_id[1], False, "no answer within 5 s", village.now)
    assert "probe_wanted" in village.lines(village.the(Cause.DEVICE_SILENT))


def test_no_probe_where_none_is_possible() -> None:
    paths = [path("c0"), path("op", is_feed=True)]
    village = Village(fleet(paths, [device(1, "c0", "call-00", path="op"), device(2, "c0", "call-01", path="op")]))
    village.start().wait(60)
    village.working.discard(1)
    village.wait(91)
    assert village.the(Cause.DEVICE_SILENT).centre == "c0"
    assert [step.probe for step in village.steps if step.probe] == []


def test_a_probe_that_is_answered_is_a_line_of_the_timeline() -> None:
    village = _silent()
    steps = village.incidents.probed(village.fleet.by_id[1], False, "no answer", village.now)
    assert [(entry.what, entry.text) for step in steps for entry in step.entries] == [("probed", "no answer")]


# --- silent, down, degraded: one incident of one device


def test_down_then_silent_is_one_incident() -> None:
    village = Village(centres(1, 2)).start().wait(40)
    village.says[1] = {"reachable": False}
    village.wait(200)
    first = village.the(Cause.DEVICE_DOWN)
    assert first.reasons == ("unreachable",)
    village.working.discard(1)
    village.wait(120)
    assert village.the(Cause.DEVICE_SILENT).id == first.id
    assert village.told() == ["opened"]


def test_degraded_is_minor_and_told_after_its_time() -> None:
    village = Village(centres(1, 2)).start().wait(40)
    village.says[1] = {"tamper": True}
    village.wait(31)
    incident = village.the(Cause.DEVICE_DEGRADED)
    assert (incident.severity, incident.reasons) == (Severity.MINOR, ("tampered",))
    village.wait(121)
    assert village.told() == ["opened"]
    village.says[1] = {}
    village.wait(31)
    assert village.told() == ["opened", "closed"]


def test_a_degraded_device_that_falls_silent_is_told_again_as_graver() -> None:
    village = Village(centres(1, 2)).start().wait(40)
    village.says[1] = {"tamper": True}
    village.wait(160)
    first = village.the(Cause.DEVICE_DEGRADED)
    village.working.discard(1)
    village.wait(120)
    assert village.the(Cause.DEVICE_SILENT).id == first.id
    village.wait(120)
    assert village.told() == ["opened", "escalated"]
    assert village.owed[-1].incident.severity is Severity.CRITICAL


def test_a_silent_device_that_is_back_but_degraded_stays_one_incident_and_is_eased() -> None:
    village = _silent().wait(130)
    first = village.the(Cause.DEVICE_SILENT)
    village.says[1] = {"tamper": True}
    village.working.add(1)
    village.wait(31)
    eased = village.the(Cause.DEVICE_DEGRADED)
    assert (eased.id, eased.severity, eased.reasons) == (first.id, Severity.MINOR, ("tampered",))
    assert village.told() == ["opened", "updated"]
    village.says[1] = {}
    village.wait(31)
    assert village.open == []
    assert village.told() == ["opened", "updated", "closed"]


def test_a_rule_makes_it_graver_after_it_held_for_long() -> None:
    village = Village(centres(1, 2)).start().wait(40)
    village.says[1] = {"mains_power": False}
    village.wait(4 * 3600 - 30, 1.0)
    assert village.the(Cause.DEVICE_DEGRADED).severity is Severity.MINOR
    village.wait(120)
    assert village.the(Cause.DEVICE_DEGRADED).severity is Severity.MAJOR
    assert village.told() == ["opened", "escalated"]


def test_a_graver_reason_is_told_at_once_to_who_was_told() -> None:
    village = Village(centres(1, 2)).start().wait(40)
    village.says[1] = {"mains_power": False}
    village.wait(160)
    village.says[1] = {"mains_power": False, "battery_percent": 45.0}
    village.wait(31)
    assert village.told() == ["opened", "escalated"]
    assert village.the(Cause.DEVICE_DEGRADED).severity is Severity.MAJOR


# --- centres and feeds


def test_a_lost_centre_is_one_incident_that_counts_whom_nobody_watches() -> None:
    village = Village(centres(4, 5)).start().wait(60)
    village.up.discard("c0")
    village.wait(61)
    incident = village.the(Cause.CENTRE_OFFLINE)
    assert (incident.centre, incident.severity) == ("c0", Severity.CRITICAL)
    assert (incident.devices_unwatched, incident.terminals_unwatched) == (5, 5)
    assert len(village.open) == 1
    village.wait(121)
    assert village.told() == ["opened"]


def test_a_centre_without_terminals_is_major() -> None:
    village = Village(fleet([path("c0")], [device(1, "c0", "cam-01", "camera")])).start().wait(60)
    village.up.clear()
    village.wait(91)
    assert village.the(Cause.CENTRE_OFFLINE).severity is Severity.MAJOR


def test_a_lost_feed_is_one_incident() -> None:
    devices = [device(n, f"c{n}", "call-00", path="op") for n in range(1, 6)]
    village = Village(fleet([*(path(f"c{n}") for n in range(1, 6)), path("op", is_feed=True)], devices)).start("op")
    village.wait(60)
    village.up.clear()
    village.wait(250)
    incident = village.the(Cause.FEED_OFFLINE)
    assert (incident.scope, incident.terminals_unwatched) == ("feed:op", 5)
    assert len(village.open) == 1


def test_a_path_never_heard_has_no_incident() -> None:
    village = Village(centres(2, 2)).start("c0").wait(600)
    village.presence("c1", online=False, reason="lost", retained=True)
    village.wait(600)
    assert village.open == []


# --- not seen is not recovered


def test_a_silent_device_whose_centre_is_then_lost_stays_open_unseen() -> None:
    village = _silent().wait(130)
    first = village.the(Cause.DEVICE_SILENT)
    village.up.clear()
    village.wait(61)
    assert village.the(Cause.DEVICE_SILENT).unseen
    assert village.the(Cause.CENTRE_OFFLINE).closed_at_ms is None
    village.up.add("c0")
    village.wait(10)
    assert not village.the(Cause.DEVICE_SILENT).unseen
    assert village.the(Cause.DEVICE_SILENT).id == first.id
    village.working.add(1)
    village.wait(31)
    assert village.open == []
    assert {"unseen", "seen"} <= set(village.lines(first))


def test_what_is_not_seen_is_not_told_of_until_it_is_seen_to_be_out() -> None:
    village = _silent()
    village.up.clear()
    village.wait(300)
    assert [each.incident.cause for each in village.owed] == [Cause.CENTRE_OFFLINE]
    village.up.add("c0")
    village.wait(60)
    assert [each.incident.cause for each in village.owed if each.type == "opened"] == [Cause.CENTRE_OFFLINE]
    village.wait(90)
    assert [each.incident.cause for each in village.owed if each.type == "opened"][-1] is Cause.DEVICE_SILENT


# --- only what is live alarms


def test_only_live_centres_alarm() -> None:
    planned = fleet(
        [path("c0", live=False)], [device(1, "c0", "call-00", live=False), device(2, "c0", "call-01", live=False)]
    )
    village = Village(planned).start().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.up.clear()
    village.wait(200)
    assert village.records == {}


def test_what_becomes_live_and_is_out_is_an_incident() -> None:
    planned = fleet(
        [path("c0", live=False)], [device(1, "c0", "call-00", live=False), device(2, "c0", "call-01", live=False)]
    )
    village = Village(planned).start().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.refit(fleet([path("c0")], [device(1, "c0", "call-00"), device(2, "c0", "call-01")], "2"))
    assert village.the(Cause.DEVICE_SILENT).device == "call-00"


def test_what_is_retired_has_its_incident_closed() -> None:
    village = _silent().wait(130)
    village.refit(fleet([path("c0")], [device(2, "c0", "call-01")], "2"))
    assert village.open == []
    assert [each.closed_as for each in village.records.values()] == ["retired"]
    assert village.told() == ["opened", "closed"]


# --- help calls


def test_a_help_call_is_told_at_once_and_only_a_person_closes_it() -> None:
    village = Village(centres(1, 2)).start().wait(60)
    village.press("c0", "call-00")
    incident = village.the(Cause.HELP_CALL)
    assert incident.severity is Severity.EMERGENCY
    assert village.told() == ["opened"]
    village.wait(7200, 1.0)
    assert village.told() == ["opened"]
    assert village.the(Cause.HELP_CALL).id == incident.id
    assert village.deed("acknowledge", incident) == ""
    village.wait(600)
    assert village.the(Cause.HELP_CALL).acknowledged_by == "Bao"
    assert village.deed("close", incident, note="she had fallen; the doctor is there") == ""
    closed = village.records[incident.id]
    assert (closed.closed_as, closed.outcome) == ("by_hand", "she had fallen; the doctor is there")
    assert village.told() == ["opened", "acknowledged", "closed"]


def test_a_second_press_is_told_on_the_same_incident() -> None:
    village = Village(centres(1, 2)).start()
    village.press("c0", "call-00")
    village.wait(20)
    village.press("c0", "call-00", "call-id-2")
    assert len(village.open) == 1
    assert village.told() == ["opened", "updated"]


def test_other_ways_that_an_agent_took_for_a_call_stand_in_its_timeline() -> None:
    village = Village(centres(1))
    village.start()
    village.press("c0", "call-00")
    steps = village.other_way("c0", "call-00", "sms", False, "no mobile network")
    steps += village.other_way("c0", "call-00", "siren", True, "on")
    lines = [(e.what, e.text, e.detail) for step in steps for e in step.entries]
    assert lines == [
        ("fallback", "no mobile network", {"way": "sms", "failed": True}),
        ("fallback", "on", {"way": "siren"}),
    ]
    assert village.other_way("c0", "call-01", "sms", True, "sent") == [], "no call is known: it stands among the events"


def test_an_old_help_call_is_told_at_once_with_its_age() -> None:
    village = Village(centres(1, 2)).start().wait(60)
    steps = village.press("c0", "call-00", age_ms=3 * 3_600_000)
    assert village.told() == ["opened"]
    assert [e.detail["age_s"] for step in steps for e in step.entries if e.what == "pressed"] == [10_800]
    assert village.the(Cause.HELP_CALL).since_ms == village.now.wall_ms - 3 * 3_600_000


@pytest.mark.parametrize("age_ms", [None, 0])
def test_a_device_that_nobody_registered_calls_for_help_too(age_ms: int | None) -> None:
    village = Village(centres(1, 2)).start()
    village.press("c0", "call-99", age_ms=age_ms)
    incident = village.the(Cause.HELP_CALL)
    assert (incident.centre, incident.device, incident.township) == ("c0", "call-99", "t0")
    assert village.told() == ["opened"]


def test_a_help_call_is_told_while_deaf_in_maintenance_and_before_the_centre_is_live() -> None:
    village = Village(fleet([path("c0", live=False)], [device(1, "c0", "call-00", live=False)]))
    village.maintain(3600, centre="c0")
    village.press("c0", "call-00")
    assert village.watch.deaf
    assert village.told() == ["opened"]


def test_a_press_after_it_was_closed_is_a_new_incident() -> None:
    village = Village(centres(1, 2)).start()
    village.press("c0", "call-00")
    village.deed("close", village.the(Cause.HELP_CALL), note="false alarm")
    village.press("c0", "call-00", "call-id-2")
    assert len(village.records) == 2
    assert village.told() == ["opened", "closed", "opened"]
    assert not village.the(Cause.HELP_CALL).flapping


# --- people


def test_acknowledged_keeps_who_and_when_and_hides_nothing() -> None:
    village = _silent().wait(130)
    incident = village.the(Cause.DEVICE_SILENT)
    assert village.deed("acknowledge", incident, "Bao", "on my way") == ""
    assert village.deed("acknowledge", incident, "Bao") == ""
    kept = village.the(Cause.DEVICE_SILENT)
    assert (kept.acknowledged_by, kept.acknowledged_at_ms) == ("Bao", village.now.wall_ms)
    assert village.told() == ["opened", "acknowledged"]


def test_acknowledged_before_anybody_was_told_owes_nothing_for_that() -> None:
    village = _silent()
    village.deed("acknowledge", village.the(Cause.DEVICE_SILENT))
    assert village.told() == []
    village.wait(125)
    assert village.told() == ["opened"]


def test_closed_by_hand_stays_closed_until_the_condition_changes() -> None:
    village = _silent().wait(130)
    village.deed("close", village.the(Cause.DEVICE_SILENT), note="unplugged for the winter")
    village.wait(900)
    assert village.open == []
    village.says[1] = {"reachable": False}
    village.working.add(1)
    village.wait(300)  # silent turned down: still out
    assert village.open == []
    village.says[1] = {}
    village.wait(31)
    village.working.discard(1)
    village.wait(130)
    assert village.the(Cause.DEVICE_SILENT).closed_at_ms is None


def test_a_degraded_one_closed_by_hand_stays_closed_for_the_same_reasons() -> None:
    village = Village(centres(1, 2)).start().wait(40)
    village.says[1] = {"mains_power": False, "tamper": True}
    village.wait(60)
    village.deed("close", village.the(Cause.DEVICE_DEGRADED))
    village.says[1] = {"mains_power": False}
    village.wait(60)
    assert village.open == []
    village.says[1] = {"mains_power": False, "battery_percent": 30.0}
    village.wait(60)
    assert village.the(Cause.DEVICE_DEGRADED).severity is Severity.MAJOR


def test_a_note_is_a_line() -> None:
    village = _silent()
    incident = village.the(Cause.DEVICE_SILENT)
    assert village.deed("note", incident, note="the neighbour says that she is well") == ""
    assert "note" in village.lines(incident)
    assert village.told() == []


def test_what_cannot_be_done_is_said() -> None:
    village = _silent()
    incident = village.the(Cause.DEVICE_SILENT)
    assert "acknowledge, note or close" in village.deed("bless", incident)
    village.deed("close", incident)
    assert "not open any more" in village.deed("note", incident, note="late")


# --- maintenance


@pytest.mark.parametrize(
    "scope", [{"centre": "c0"}, {"township": "t0"}, {"centre": "c0", "device": "call-00"}, {"kind": "call_terminal"}]
)
def test_in_maintenance_it_is_shown_and_telling_waits(scope: dict[str, str]) -> None:
    village = _silent(1, 2)
    village.maintain(900, **scope)
    village.wait(600)
    assert village.the(Cause.DEVICE_SILENT).told_at_ms is None
    assert village.told() == []
    village.wait(310)
    assert village.told() == ["opened"]


def test_what_is_well_again_within_the_window_is_never_told() -> None:
    village = _silent()
    village.maintain(900, centre="c0")
    village.wait(600)
    village.working.add(1)
    village.wait(600)
    assert village.told() == []


def test_a_window_elsewhere_holds_nothing_back() -> None:
    village = _silent()
    village.maintain(9000, centre="c1")
    village.wait(125)
    assert village.told() == ["opened"]


# --- flapping: fault 48


def test_ten_flaps_are_few_messages_and_the_condition_is_always_shown() -> None:
    village = Village(centres(1, 2)).start().wait(60)
    for _ in range(10):
        village.working.discard(1)
        village.wait(250)
        assert len(village.open) == 1
        village.working.add(1)
        village.wait(60)
    assert village.open[0].flapping
    village.wait(600)
    assert village.open == []
    assert village.told() == ["opened", "closed", "opened", "closed"]
    assert [t.condition for t in village.transitions if t.device and t.device.id == 1].count("silent") == 10


def test_short_flaps_are_told_once() -> None:
    village = Village(centres(1, 2)).start().wait(60)
    for _ in range(10):
        village.working.discard(1)
        village.wait(150)
        village.working.add(1)
        village.wait(60)
    village.wait(600)
    assert village.told() == ["opened", "closed"]


def test_a_flapping_device_that_stays_out_is_told() -> None:
    village = Village(centres(1, 2)).start().wait(60)
    for _ in range(3):
        village.working.discard(1)
        village.wait(150)
        village.working.add(1)
        village.wait(60)
    before = len(village.owed)
    village.working.discard(1)
    village.wait(300)
    assert village.told()[before:] in (["opened"], [])
    assert "opened" in village.told()
    assert village.the(Cause.DEVICE_SILENT).flapping


def test_out_again_long_after_is_not_flapping() -> None:
    village = _silent()
    village.working.add(1)
    village.wait(1000)
    village.working.discard(1)
    village.wait(130)
    assert not village.the(Cause.DEVICE_SILENT).flapping


# --- the house itself


@pytest.mark.parametrize("cause", [Cause.COLLECTOR_DEAF, Cause.CANNOT_RECORD, Cause.STORE_FAILING])
def test_what_is_wrong_with_ourselves_is_told_at_once_and_once(cause: Cause) -> None:
    village = Village(centres(1, 2)).start()
    village.watch.deafen(village.now)
    since_ms = village.now.wall_ms - 60_000
    for _ in range(3):
        steps = village.incidents.condition_of_house(cause, True, "why", village.now, 0.0, since_ms)
        village._stepped(steps)
    assert village.told() == ["opened"]
    assert village.the(cause).since_ms == since_ms
    village._stepped(village.incidents.condition_of_house(cause, False, "", village.now, 0.0))
    assert village.told() == ["opened", "closed"]
    assert village.incidents.condition_of_house(cause, False, "", village.now, 0.0) == []


def test_two_agents_under_one_identity_are_one_incident() -> None:  # fault 38
    village = Village(centres(1, 2)).start().wait(30)
    for connection in range(2, 40):
        village.presence("c0", boot="boot-000a" if connection % 2 else "boot-0001", connection=connection)
        village.wait(5)
    assert village.the(Cause.IDENTITY_CONFLICT).centre == "c0"
    assert village.told() == ["opened"]
    village.wait(1000)
    assert village.told() == ["opened", "closed"]


# --- deaf


def test_while_deaf_nobody_is_told_that_it_still_holds() -> None:
    village = _silent()
    village.watch.deafen(village.now)
    village.wait(3600, 1.0)
    assert village.told() == []
    village.watch.hearken(village.now)
    village.working.add(1)
    village.wait(40)
    assert village.told() == []
    assert village.open == []
