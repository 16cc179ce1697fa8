"""Common causes: one cause, one incident, for a switch, a township, a carrier, a SIM pool, a region."""

from __future__ import annotations

from collections import Counter

import pytest

from collector.facts import IncidentRecord
from collector.incidents import Incidents
from shouwang.limits import DeviceLimits
from shouwang.vocabulary import Cause, Severity
from tests.collector.village import KINDS, Village, centres, device, fleet, path


def _drop(village: Village, *names: str) -> None:
    village.up -= set(names)


# --- a switch of a centre: fault 43


def test_a_switch_that_dies_is_one_incident_that_counts_the_terminals() -> None:  # fault 43
    devices = [device(n, "c0", f"call-{n:02}") for n in range(1, 21)]
    devices += [device(n, "c0", f"cam-{n:02}", "camera") for n in range(21, 51)]
    village = Village(fleet([path("c0")], devices)).start().wait(60)
    village.says = {n: {"reachable": False} for n in range(1, 51)}
    village.wait(400)
    incident = village.the(Cause.DEVICES_LOST_TOGETHER)
    assert len(village.open) == 1
    assert (incident.devices_unwatched, incident.terminals_unwatched) == (50, 20)
    assert (incident.centre, incident.scope, incident.severity) == ("c0", "switch:c0", Severity.CRITICAL)
    assert len(incident.members) == 50
    assert village.told() == ["opened"]


def test_singles_opened_before_the_common_cause_shows_are_merged_and_owe_nothing_if_untold() -> None:
    devices = [device(1, "c0", "call-01")] + [device(n, "c0", f"cam-{n:02}", "camera") for n in range(2, 6)]
    village = Village(fleet([path("c0")], devices)).start().wait(60)
    village.says = {n: {"reachable": False} for n in range(1, 6)}
    village.wait(40)  # the terminal is down after two, the cameras after three
    single = village.the(Cause.DEVICE_DOWN)
    village.wait(120)
    common = village.the(Cause.DEVICES_LOST_TOGETHER)
    merged = village.records[single.id]
    assert (merged.closed_as, merged.merged_into) == ("merged", common.id)
    assert village.told() == ["opened"]
    assert village.owed[0].at_s == pytest.approx(village.second(single.tell_at_ms or 0), abs=0.5)


def test_singles_that_were_told_say_into_what_they_were_merged() -> None:
    slow = DeviceLimits(30.0, 400.0, 3, 300.0)
    devices = [device(1, "c0", "call-01")] + [device(n, "c0", f"call-{n:02}", limits=slow) for n in range(2, 6)]
    village = Village(fleet([path("c0")], devices)).start().wait(60)
    village.working.clear()
    village.wait(300)
    single = village.the(Cause.DEVICE_SILENT)
    assert village.told() == ["opened"]
    village.wait(150)
    common = village.the(Cause.DEVICES_LOST_TOGETHER)
    assert village.records[single.id].merged_into == common.id
    assert sorted((str(each.type), each.incident.id) for each in village.owed) == sorted(
        [("opened", single.id), ("merged", single.id), ("opened", common.id)]
    )


def test_two_of_five_are_no_common_cause() -> None:
    village = Village(centres(1, 5)).start().wait(60)
    village.working -= {1, 2}
    village.wait(200)
    assert Counter(each.cause for each in village.open) == {Cause.DEVICE_SILENT: 2}


def test_half_is_not_over_half() -> None:
    village = Village(centres(1, 6)).start().wait(60)
    village.working -= {1, 2, 3}
    village.wait(200)
    assert Counter(each.cause for each in village.open) == {Cause.DEVICE_SILENT: 3}


def test_losses_far_apart_are_no_common_cause() -> None:
    village = Village(centres(1, 5)).start().wait(60)
    for n in (1, 2, 3, 4):
        village.working.discard(n)
        village.wait(200)
    assert Counter(each.cause for each in village.open) == {Cause.DEVICE_SILENT: 4}


def test_what_was_out_before_is_not_merged_into_a_later_cause() -> None:
    village = Village(centres(1, 6)).start().wait(60)
    village.working.discard(1)
    village.wait(3600, 1.0)
    before = village.the(Cause.DEVICE_SILENT)
    village.working.clear()
    village.wait(200)
    assert village.the(Cause.DEVICE_SILENT).id == before.id
    assert village.the(Cause.DEVICES_LOST_TOGETHER).devices_unwatched == 5


def test_a_pos_asleep_at_night_does_not_count_against_half() -> None:
    devices = [device(n, "c0", f"call-{n:02}") for n in range(1, 4)]
    devices += [device(n, "c0", f"pos-{n:02}", "pos_terminal") for n in range(4, 9)]
    night_ms = 1_764_000_000_000 + 16 * 3_600_000  # 16:00 UTC is midnight in Shanghai
    village = Village(fleet([path("c0")], devices), begins_ms=night_ms - night_ms % 86_400_000 + 16 * 3_600_000)
    village.start().wait(60)
    village.working.clear()
    village.wait(200)
    assert village.the(Cause.DEVICES_LOST_TOGETHER).devices_unwatched == 3


def test_when_the_switch_is_back_all_of_it_closes() -> None:
    village = Village(centres(1, 10)).start().wait(60)
    village.working.clear()
    village.wait(300)
    village.working |= set(range(1, 11))
    village.wait(31)
    assert village.open == []
    assert village.told() == ["opened", "closed"]
    closed = next(each for each in village.records.values() if each.cause is Cause.DEVICES_LOST_TOGETHER)
    assert (closed.devices_unwatched, len(closed.members)) == (10, 10)


def test_the_rest_of_a_switch_becomes_incidents_of_its_own() -> None:
    village = Village(centres(1, 10)).start().wait(60)
    village.working.clear()
    village.wait(300)
    village.working |= set(range(3, 11))
    village.wait(60)
    assert village.the(Cause.DEVICES_LOST_TOGETHER).devices_unwatched == 2
    village.wait(211)  # limit and time to tell
    assert Counter(each.cause for each in village.open) == {Cause.DEVICE_SILENT: 2}
    assert village.told() == ["opened", "closed", "opened", "opened"]


def test_a_member_that_blinks_joins_again() -> None:
    village = Village(centres(1, 10)).start().wait(60)
    village.working.clear()
    village.wait(300)
    village.working.add(1)
    village.wait(31)
    village.working.discard(1)
    village.wait(121)
    assert village.the(Cause.DEVICES_LOST_TOGETHER).devices_unwatched == 10
    assert len(village.open) == 1
    assert village.told() == ["opened"]


# --- townships, carriers, regions


def test_a_township_without_power_is_one_incident() -> None:
    village = Village(centres(30, 3, townships=3)).start().wait(60)
    _drop(village, *(f"c{n}" for n in range(0, 30, 3)))
    village.wait(65)
    incident = village.the(Cause.AREA_OUTAGE)
    assert len(village.open) == 1
    assert (incident.township, incident.scope, len(incident.members)) == ("t0", "township:t0", 10)
    assert (incident.devices_unwatched, incident.terminals_unwatched) == (30, 30)
    village.wait(300)
    assert village.told() == ["opened"]


def test_a_carrier_lost_over_several_townships_is_one_incident() -> None:
    # carriers take turns faster than townships: each township has centres of both
    village = Village(centres(40, 3, townships=5, carriers=2)).start().wait(60)
    _drop(village, *(f"c{n}" for n in range(0, 40, 2)))
    village.wait(65)
    incident = village.the(Cause.AREA_OUTAGE)
    assert len(village.open) == 1
    assert (incident.scope, len(incident.members)) == ("carrier:k0", 20)


def test_a_carrier_explains_townships_that_it_serves() -> None:
    paths = [path(f"c{n}", township=f"t{n // 5}", carrier="a" if n < 15 else "b") for n in range(50)]
    devices = [device(n + 1, f"c{n}", "call-00", township=f"t{n // 5}") for n in range(50)]
    village = Village(fleet(paths, devices)).start().wait(60)
    _drop(village, *(f"c{n}" for n in range(5)))
    village.wait(61)
    assert village.the(Cause.AREA_OUTAGE).scope == "township:t0"
    _drop(village, *(f"c{n}" for n in range(15)))
    village.wait(61)
    carrier = village.the(Cause.AREA_OUTAGE)
    assert (carrier.scope, len(carrier.members)) == ("carrier:a", 15)
    assert [each.merged_into for each in village.records.values() if each.scope == "township:t0"] == [carrier.id]
    assert village.told() == []


def test_a_sim_pool_cut_off_is_one_incident_of_devices() -> None:
    paths = [*(path(f"c{n}") for n in range(12)), path("op", is_feed=True)]
    devices = [
        device(n + 1, f"c{n}", "call-00", path="op", profile="sim_host", sim_pool="p1" if n < 6 else "p2")
        for n in range(12)
    ]
    village = Village(fleet(paths, devices)).start().wait(60)
    village.working -= set(range(1, 7))
    village.wait(420)
    incident = village.the(Cause.AREA_OUTAGE)
    assert (incident.scope, incident.terminals_unwatched) == ("sim_pool:p1", 6)
    assert len(village.open) == 1


def test_381_centres_lost_at_once_are_one_incident_and_one_message() -> None:  # fault 42
    village = Village(centres(381, 3, townships=16, carriers=2)).start().wait(40, 1.0)
    _drop(village, *village.fleet.paths)
    village.wait(300, 1.0)
    incident = village.the(Cause.AREA_OUTAGE)
    assert (incident.scope, len(incident.members)) == ("region:r", 381)
    assert (incident.devices_unwatched, incident.terminals_unwatched) == (381 * 3, 381 * 3)
    assert len(village.open) == 1
    assert village.told() == ["opened"]
    for name in village.fleet.paths:
        village.rise(name, connection=2)
    village.wait(60, 1.0)
    assert village.open == []
    assert village.told() == ["opened", "closed"]


def test_centres_lost_one_by_one_over_a_minute_are_one_incident() -> None:  # fault 42
    village = Village(centres(60, 3, townships=4)).start().wait(40)
    for n in range(60):
        _drop(village, f"c{n}")
        village.wait(1)
    village.wait(300)
    assert village.the(Cause.AREA_OUTAGE).scope == "region:r"
    assert len(village.open) == 1
    assert village.told() == ["opened"]


def test_two_centres_of_a_township_stay_two() -> None:
    village = Village(centres(9, 3, townships=3)).start().wait(60)
    _drop(village, "c0", "c3")
    village.wait(100)
    assert Counter(each.cause for each in village.open) == {Cause.CENTRE_OFFLINE: 2}


def test_a_centre_that_was_lost_long_before_keeps_its_own_incident() -> None:
    village = Village(centres(9, 3, townships=1)).start().wait(60)
    _drop(village, "c0")
    village.wait(3600, 1.0)
    _drop(village, *village.fleet.paths)
    village.wait(100)
    assert village.the(Cause.CENTRE_OFFLINE).centre == "c0"
    assert len(village.the(Cause.AREA_OUTAGE).members) == 8


def test_never_connected_centres_do_not_count_against_half() -> None:
    village = Village(centres(20, 3, townships=1)).start("c0", "c1", "c2", "c3").wait(60)
    _drop(village, "c0", "c1", "c2")
    village.wait(100)
    assert len(village.the(Cause.AREA_OUTAGE).members) == 3


def test_an_outage_that_grows_by_half_is_told_again_but_not_too_often() -> None:
    paths = [path(f"c{n}", silent_after_s=60 if n < 11 else 400) for n in range(21)]
    devices = [device(n + 1, f"c{n}", "call-00") for n in range(21)]
    village = Village(fleet(paths, devices)).start().wait(60)
    _drop(village, *village.fleet.paths)
    village.wait(200)
    assert len(village.the(Cause.AREA_OUTAGE).members) == 11
    assert village.told() == ["opened"]
    village.wait(220)  # the others' limit is past
    assert len(village.the(Cause.AREA_OUTAGE).members) == 21
    assert village.told() == ["opened"]
    village.wait(200)
    assert village.told() == ["opened", "updated"]
    assert village.owed[1].at_s - village.owed[0].at_s == pytest.approx(300, abs=1)
    assert len(village.open) == 1


def test_the_rest_of_an_area_goes_to_narrower_causes() -> None:
    village = Village(centres(30, 3, townships=3)).start().wait(60)
    _drop(village, *village.fleet.paths)
    village.wait(200)
    assert village.the(Cause.AREA_OUTAGE).scope == "region:r"
    for n in range(30):
        if n % 3:
            village.rise(f"c{n}", connection=2)
    village.wait(200)
    assert village.the(Cause.AREA_OUTAGE).scope == "township:t0"
    assert len(village.open) == 1


def test_a_device_incident_of_a_lost_township_stays_beside_it_unseen() -> None:
    village = Village(centres(9, 3, townships=1)).start().wait(60)
    village.working.discard(1)
    village.wait(300)
    _drop(village, *village.fleet.paths)
    village.wait(100)
    assert village.the(Cause.DEVICE_SILENT).unseen
    assert len(village.the(Cause.AREA_OUTAGE).members) == 9


def test_a_terminal_that_joins_a_told_incident_makes_it_graver_and_that_is_told() -> None:
    quick = DeviceLimits(30.0, 90.0, 3, 60.0)
    devices = [device(n, "c0", f"cam-{n:02}", "camera", limits=quick) for n in range(1, 6)]
    devices.append(device(6, "c0", "call-06", profile="sim_host"))
    village = Village(fleet([path("c0")], devices)).start().wait(60)
    village.working.clear()
    village.wait(320)
    assert village.told() == ["opened"]
    assert village.the(Cause.DEVICES_LOST_TOGETHER).severity is Severity.MINOR
    village.wait(130)
    common = village.the(Cause.DEVICES_LOST_TOGETHER)
    assert (common.severity, common.terminals_unwatched) == (Severity.CRITICAL, 1)
    assert village.told() == ["opened", "escalated"]


def test_a_large_incident_is_written_once_a_tick_however_many_messages_change_it() -> None:
    village = Village(centres(150, 3, townships=1)).start().wait(40, 1.0)
    _drop(village, *village.fleet.paths)
    village.wait(120, 1.0)
    before = len(village.steps)
    for n in range(60):  # each a message of its own
        village.rise(f"c{n}", connection=2)
    assert len(village.steps) == before
    village.wait(1, 1.0)
    (step,) = village.steps[before:]
    assert len(step.incident.members) == 90
    assert [(entry.what, entry.detail["by"]) for entry in step.entries] == [("shrank", -60)]


# --- people, restarts


def test_an_area_closed_by_hand_opens_nothing_until_its_centres_change() -> None:
    village = Village(centres(9, 3, townships=1)).start().wait(60)
    _drop(village, *village.fleet.paths)
    village.wait(100)
    village.deed("close", village.the(Cause.AREA_OUTAGE), note="the grid is being rebuilt")
    village.wait(600)
    assert village.open == []
    for name in village.fleet.paths:
        village.rise(name, connection=2)
    village.wait(60)
    _drop(village, *village.fleet.paths)
    village.wait(100)
    assert village.the(Cause.AREA_OUTAGE).closed_at_ms is None


def restarted(village: Village) -> Village:
    """New incidents made of what the ledger holds."""
    incidents = Incidents(village.fleet, KINDS, iter(f"n{n}" for n in range(100)).__next__)
    for name in village.fleet.paths:
        turns = village.path_turns(name)
        since = [t.at_ms for t in village.transitions if t.device is None and t.path == name]
        incidents.restore_path(name, turns[-1][0] == "online" if turns else None, since[-1] if since else None)
    for id_ in village.fleet.by_id:
        mine = [t for t in village.transitions if t.device and t.device.id == id_]
        if mine:
            incidents.restore_device(id_, mine[-1].condition, mine[-1].good_at_ms)
    for record in village.records.values():
        incidents.restore(record)
    village.incidents = incidents
    return village


@pytest.mark.parametrize("after_s", [1, 60, 95, 125, 170, 215, 230, 300, 331])
def test_a_restart_at_any_time_changes_nothing_of_what_is_told(after_s: int) -> None:
    def history(restart_at: int) -> tuple[list[str], list[tuple[str, str]]]:
        village = Village(centres(12, 4, townships=2)).start().wait(60)
        for second in range(500):
            if second == 1:
                _drop(village, *(f"c{n}" for n in range(0, 12, 2)))
                village.working -= {5, 6, 7, 13}
            if second == 330:
                for n in range(0, 12, 2):
                    village.rise(f"c{n}", connection=2)
            if second == restart_at:
                restarted(village)
            village.wait(1)
        return village.told(), sorted((str(each.cause), each.closed_as) for each in village.records.values())

    assert history(after_s) == history(-1)


def test_what_was_closed_by_hand_stays_closed_after_a_restart() -> None:
    village = Village(centres(1, 3)).start().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.deed("close", village.the(Cause.DEVICE_SILENT))
    restarted(village).wait(600)
    assert village.open == []
    village.working.add(1)
    village.wait(60)
    village.working.discard(1)
    village.wait(121)
    assert village.the(Cause.DEVICE_SILENT).closed_at_ms is None


def test_what_was_closed_by_hand_and_is_out_again_is_open_after_a_restart() -> None:
    village = Village(centres(1, 3)).start().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.deed("close", village.the(Cause.DEVICE_SILENT))
    village.working.add(1)
    village.wait(60)
    village.working.discard(1)
    village.wait(200)
    again = village.the(Cause.DEVICE_SILENT)
    restarted(village).wait(10)
    village.working.add(1)
    village.wait(31)
    assert village.records[again.id].closed_as == "recovered"


def test_who_is_out_and_in_no_incident_after_a_crash_is_placed() -> None:
    village = Village(centres(9, 3, townships=1)).start().wait(60)
    village.working.discard(1)
    _drop(village, *(f"c{n}" for n in range(1, 9)))
    village.wait(100)
    village.records = {id_: each for id_, each in village.records.items() if each.cause is Cause.DEVICE_SILENT}
    village.steps.clear()
    restarted(village).wait(1)  # its incident was not yet written when it died
    assert {each.cause for each in village.open} == {Cause.DEVICE_SILENT, Cause.AREA_OUTAGE}
    assert len(village.the(Cause.AREA_OUTAGE).members) == 8


def test_flapping_is_remembered_over_a_restart() -> None:
    village = Village(centres(1, 3)).start().wait(60)
    village.working.discard(1)
    village.wait(121)
    village.working.add(1)
    village.wait(60)
    restarted(village)
    village.working.discard(1)
    village.wait(121)
    assert village.the(Cause.DEVICE_SILENT).flapping


def test_a_state_that_is_not_ours_is_left_alone() -> None:
    village = Village(centres(1, 3)).start()
    record = IncidentRecord("x", Cause.DEVICE_SILENT, Severity.MAJOR, 0, 0, state=b"\xc1")
    village.incidents.restore(record)
    assert village.incidents.tick(village.now, 0.0) == []


def test_what_a_feed_tells_of_a_township_that_is_lost_is_part_of_its_outage() -> None:
    named = [path(f"c{n}") for n in range(4)]
    feed = path("bank", is_feed=True, silent_after_s=180.0)
    devices = [device(n + 1, f"c{n}", "call-01") for n in range(4)]
    devices += [device(n + 11, f"c{n}", "atm", "atm", path="bank") for n in range(4)]
    village = Village(fleet([*named, feed], devices)).start().wait(90)
    village.says = {n: {"host_link": False} for n in range(11, 15)}  # the bank sees it first
    village.wait(40)
    _drop(village, "c0", "c1", "c2", "c3")
    village.wait(400)
    assert [each.cause for each in village.open] == [Cause.AREA_OUTAGE]
    assert len(village.the(Cause.AREA_OUTAGE).members) == 8
    assert village.told() == ["opened"]
