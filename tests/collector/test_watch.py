"""The rules of the watch, each by its name, as short histories."""

from __future__ import annotations

import pytest

from shouwang.clock import Now
from shouwang.limits import DeviceLimits
from shouwang.reasons import Reason
from shouwang.vocabulary import Condition
from tests.collector.village import MORNING_MS, Village, centres, device, fleet, path, reading

HOUR_MS = 3_600_000


def _village(count: int = 1, terminals: int = 2) -> Village:
    return Village(centres(count, terminals)).start()


def test_a_terminal_that_falls_silent_is_silent_at_its_limit() -> None:
    village = _village().wait(60)
    village.working.discard(1)
    village.wait(200)
    assert village.turns(1)[0][0] == "ok"
    what, at = village.turns(1)[-1]
    last = max(t for t in (0.25, 30.25, 60.25) if t <= 60)
    assert what == "silent"
    assert at == pytest.approx(last + 90, abs=0.01)
    assert village.turns(2) == [("ok", village.turns(2)[0][1])]


def test_silent_is_known_within_a_quarter_second_of_its_limit() -> None:
    village = _village().wait(60)
    village.working.discard(1)
    village.wait(200)
    silent = village.transitions[-1]
    assert 0 <= silent.known_at_ms - silent.at_ms <= 250


def test_a_fresh_reading_ends_silence() -> None:
    village = _village().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.working.add(1)
    village.wait(31)
    assert [what for what, _ in village.turns(1)] == ["ok", "silent", "ok"]


def test_what_the_agent_says_was_wrong_goes_with_the_transition_and_decides_nothing() -> None:
    village = _village().wait(40)
    for seconds in (1, 2, 3):
        village.says[1] = {"reachable": False, "why": Reason("no_answer", {"s": seconds})}
        village.wait(30)
    assert [(each.condition, each.why) for each in village.transitions if each.device and each.device.id == 1] == [
        ("ok", None),
        ("down", Reason("no_answer", {"s": 2})),
    ]


def test_down_after_so_many_failed_probes_in_a_row() -> None:
    village = _village().wait(40)
    village.says[1] = {"reachable": False}
    village.wait(30)
    assert [what for what, _ in village.turns(1)] == ["ok"]
    village.wait(30)
    assert [what for what, _ in village.turns(1)] == ["ok", "down"]
    down = village.transitions[-1]
    assert down.reasons == ("unreachable",)
    assert down.good_at_ms is not None
    assert village.second(down.good_at_ms) == pytest.approx(30.25)


def test_a_failed_probe_twice_told_is_one() -> None:
    village = _village().wait(40)
    failed = reading("call_terminal", "call-00", 100, reachable=False)
    for _ in range(5):
        village.hear("c0", [failed])
    assert [what for what, _ in village.turns(1)] == ["ok"]


def test_one_failed_probe_while_silent_is_no_recovery() -> None:
    village = _village().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.says[1] = {"reachable": False}
    village.working.add(1)
    village.wait(29)
    assert village.turns(1)[-1][0] == "silent"
    village.wait(60)
    assert village.turns(1)[-1][0] == "down"
    village.says[1] = {}
    village.wait(30)
    assert village.turns(1)[-1][0] == "ok"


def test_down_stays_down_while_its_agent_says_so_and_turns_silent_when_it_says_nothing() -> None:
    village = _village().wait(40)
    village.says[1] = {"reachable": False}
    village.wait(600)
    assert [what for what, _ in village.turns(1)] == ["ok", "down"]
    village.working.discard(1)
    village.wait(120)
    assert [what for what, _ in village.turns(1)] == ["ok", "down", "silent"]


def test_degraded_names_its_reasons_and_severity() -> None:
    village = _village().wait(40)
    village.says[1] = {"mains_power": False, "battery_percent": 40.0}
    village.wait(30)
    degraded = village.transitions[-1]
    assert degraded.condition == "degraded"
    assert set(degraded.reasons) == {"battery_critical", "mains_lost"}
    assert degraded.severity == "major"


def test_changed_reasons_are_a_transition() -> None:
    village = _village().wait(40)
    village.says[1] = {"mains_power": False}
    village.wait(30)
    village.says[1] = {"mains_power": False, "tamper": True}
    village.wait(30)
    assert [set(t.reasons) for t in village.transitions if t.device and t.device.id == 1][-2:] == [
        {"mains_lost"},
        {"mains_lost", "tampered"},
    ]


# --- beginnings


def test_never_heard_is_not_silent() -> None:
    village = Village(centres(1, 2))
    village.start()
    village.working.discard(1)
    village.wait(3600, 1.0)
    assert village.turns(1) == []


def test_what_never_answered_is_not_connected_rather_than_down() -> None:
    village = Village(centres(1, 2))
    village.says[1] = {"reachable": False}
    village.start().wait(600)
    assert village.turns(1) == []
    village.says[1] = {}
    village.wait(30)
    assert [what for what, _ in village.turns(1)] == ["ok"]


def test_first_heard_is_said_once() -> None:
    village = Village(centres(1, 2)).start()
    firsts = [d.id for _ in range(3) for d, _ in village.hear("c0", [reading("call_terminal", "call-00")]).first_heard]
    assert firsts == [1]


def test_a_device_of_another_path_or_of_another_kind_is_not_taken() -> None:
    village = _village()
    stranger = reading("call_terminal", "call-77")
    wrong = reading("camera", "call-00", fps=25.0)
    assert village.hear("c0", [stranger, wrong]).unknown_devices == [stranger, wrong]
    assert village.hear("nowhere", [stranger]).unknown_devices == [stranger]


# --- paths


def test_a_path_is_offline_when_the_broker_says_so() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    assert village.path_turns("c0") == [("online", ""), ("offline", "lost")]


def test_a_path_is_offline_when_nothing_was_heard_for_its_limit() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.wait(60)
    assert village.path_turns("c0") == [("online", ""), ("offline", "silent")]
    offline = village.transitions[-1]
    assert village.second(offline.at_ms) == pytest.approx(30.25 + 60, abs=0.01)


def test_a_lost_path_writes_no_transition_of_its_devices() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.wait(600)
    assert [t for t in village.transitions if t.device and t.condition != "ok"] == []


def test_the_path_speaks_first() -> None:
    # the terminal's own limit (20 s) runs out long before its path's (60 s), but the path is unheard as well
    limits = DeviceLimits(5.0, 20.0, 2, 120.0)
    village = Village(fleet([path("c0")], [device(1, "c0", "call-00", limits=limits)]), report_every_s=5.0)
    village.start().wait(60)
    village.up.clear()
    village.wait(58)
    assert village.turns(1)[-1][0] == "ok"
    village.wait(5)
    assert village.path_turns("c0")[-1] == ("offline", "silent")
    assert [what for what, _ in village.turns(1)] == ["ok"]


def test_who_waited_for_the_path_is_judged_when_the_path_comes_back() -> None:
    limits = DeviceLimits(5.0, 20.0, 2, 120.0)
    village = Village(
        fleet([path("c0")], [device(1, "c0", "call-00", limits=limits), device(2, "c0", "call-01", limits=limits)]),
        report_every_s=5.0,
    )
    village.start().wait(60)
    village.up.clear()
    village.working.discard(1)
    village.wait(40)  # not yet offline
    village.up.add("c0")
    village.wait(9)
    assert village.turns(1)[-1][0] == "ok"
    village.wait(3)
    assert village.turns(1)[-1][0] == "silent"
    assert village.turns(2)[-1][0] == "ok"
    assert village.path_turns("c0") == [("online", "")]


def test_a_path_that_is_seldom_heard_shields_no_device_for_ever() -> None:
    limits = DeviceLimits(5.0, 20.0, 2, 120.0)
    village = Village(
        fleet([path("c0")], [device(1, "c0", "call-00", limits=limits), device(2, "c0", "call-01", limits=limits)]),
        report_every_s=40.0,
    )
    village.start().wait(60)
    village.working.discard(1)
    village.wait(240)
    assert village.turns(1)[-1][0] == "silent"


def test_after_the_path_came_back_a_device_has_its_whole_limit() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.wait(300)
    village.working.discard(1)
    village.up.add("c0")
    village.wait(1)
    back = village.at_s
    village.wait(88)
    assert village.turns(1)[-1][0] == "ok"
    village.wait(3)
    what, at = village.turns(1)[-1]
    assert what == "silent"
    assert at == pytest.approx(back + 90, abs=1.0)


def test_a_path_heard_again_by_anything_fresh_is_online() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    village.wait(5)
    village.take(village.watch.heard_path("c0", village.now, 0))
    assert village.path_turns("c0")[-1] == ("online", "")


def test_what_the_broker_held_since_before_the_end_brings_nobody_back() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    village.wait(10)
    village.hear("c0", [reading("call_terminal", "call-00")], held_ms=11_000)
    assert village.path_turns("c0")[-1] == ("offline", "lost")


def test_what_was_on_its_way_at_a_goodbye_brings_nobody_back() -> None:
    village = _village().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="stopped")
    village.at_s += 0.02
    village.hear("c0", [reading("call_terminal", "call-00")])
    assert village.path_turns("c0")[-1] == ("offline", "stopped")


def test_a_feed_carries_devices_of_many_centres() -> None:
    paths = [path("c0"), path("op", is_feed=True)]
    village = Village(fleet(paths, [device(1, "c0", "call-00", path="op"), device(2, "c0", "call-01")])).start()
    village.wait(60)
    village.up.discard("c0")  # the centre's power is lost: the terminal with its own SIM lives
    village.wait(300)
    assert village.path_turns("c0")[-1] == ("offline", "silent")
    assert village.turns(1) == [("ok", village.turns(1)[0][1])]
    village.up.discard("op")
    village.wait(300)
    assert village.path_turns("op")[-1] == ("offline", "silent")
    assert [what for what, _ in village.turns(1)] == ["ok"]


# --- presence: fault 12, 38, 39


def test_an_old_will_after_a_new_online_is_ignored() -> None:  # fault 12
    village = _village().wait(30)
    village.presence("c0", connection=2)
    village.presence("c0", online=False, reason="lost", connection=1)
    assert village.path_turns("c0") == [("online", "")]
    village.presence("c0", boot="boot-0002", connection=1)
    village.presence("c0", online=False, reason="lost", connection=2)
    assert village.path_turns("c0") == [("online", "")]


def test_a_late_online_after_its_own_will_is_ignored() -> None:  # fault 12
    village = _village().wait(30)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    village.presence("c0", online=True)
    assert village.path_turns("c0")[-1] == ("offline", "lost")
    village.presence("c0", online=True, connection=2)
    assert village.path_turns("c0")[-1] == ("online", "")


def test_retained_presence_is_no_sign_of_life() -> None:
    village = Village(centres(1, 2))
    village.watch.hearken(village.now)
    village.presence("c0", retained=True)
    assert village.path_turns("c0") == []
    village.presence("c0", connection=2)
    village.wait(5)
    village.presence("c0", online=False, reason="lost", connection=2, retained=True)
    assert village.path_turns("c0") == [("online", ""), ("offline", "lost")]


def test_two_agents_under_one_identity_are_said_once_and_do_not_ping_pong() -> None:  # fault 38, 39
    village = _village().wait(30)
    for connection in range(2, 40):
        boot = "boot-000a" if connection % 2 else "boot-0001"
        village.presence("c0", boot=boot, connection=connection)
        village.presence("c0", online=False, reason="lost", boot=boot, connection=connection)
        village.wait(5)
        if connection == 4:  # boot-0001 is alive although another had followed it
            said = len(village.transitions)
    assert len(village.conflicts) == 1
    assert "two agents" in village.conflicts[0]
    assert len(village.transitions) == said
    assert village.path_turns("c0")[-1] == ("online", "")


def test_a_conflict_is_over_when_only_one_agent_was_alive_for_long() -> None:
    village = _village().wait(30)
    for connection in range(2, 10):
        village.presence("c0", boot="boot-000a" if connection % 2 else "boot-0001", connection=connection)
    village.wait(1000)
    assert len(village.conflicts) == 2
    assert village.conflicts[-1] == ""


def test_a_late_presence_of_a_replaced_boot_is_no_conflict() -> None:  # fault 12
    village = _village().wait(30)
    village.presence("c0", connection=2)
    village.presence("c0", boot="boot-0002")
    village.presence("c0", connection=2)
    village.presence("c0", connection=1)
    assert village.conflicts == []


# --- heard through whom


def _on_feed() -> Village:
    terminal = device(1, "c0", "call-00", path="op", profile="nbiot")
    village = Village(fleet([path("c0"), path("op", is_feed=True)], [terminal]), report_every_s=60.0)
    village.says[1] = {"reachable": None, "last_heard_age_ms": 0}
    return village.start("op")


def test_a_feeds_fresh_report_of_an_old_state_is_no_sign_of_life() -> None:
    village = _on_feed().wait(60)
    begins = village.at_s
    for hours in range(1, 27):
        village.says[1] = {"reachable": None, "last_heard_age_ms": hours * HOUR_MS}
        village.wait(HOUR_MS / 1000, 4.0)
    what, at = village.turns(1)[-1]
    assert what == "silent"
    assert at == pytest.approx(begins + 25 * 3600, abs=3700)


def test_what_a_feed_has_not_heard_either_is_not_connected() -> None:
    village = _on_feed()
    village.says[1] = {"reachable": None, "last_heard_age_ms": 30 * HOUR_MS}
    village.wait(600)
    assert village.turns(1) == []


def test_down_and_then_reported_well_by_somebody_who_has_not_heard_it_is_silent() -> None:
    village = _on_feed().wait(60)
    village.says[1] = {"reachable": False, "last_heard_age_ms": HOUR_MS}
    village.wait(200)
    assert village.turns(1)[-1][0] == "down"
    village.watch.hearken(village.now)
    village.says[1] = {"reachable": None, "last_heard_age_ms": 26 * HOUR_MS}
    for _ in range(25):
        village.wait(3600, 4.0)
    assert village.turns(1)[-1][0] == "silent"


# --- deaf is not silent


def test_deaf_is_not_silent() -> None:
    village = _village().wait(60)
    village.watch.deafen(village.now)
    village.up.clear()
    village.wait(7200, 1.0)
    assert [t for t in village.transitions if t.condition in ("silent", "offline")] == []
    village.watch.hearken(village.now)
    village.wait(25)
    assert [t for t in village.transitions if t.condition in ("silent", "offline")] == []
    village.wait(60)
    assert village.path_turns("c0")[-1] == ("offline", "silent")


def test_the_watch_starts_deaf() -> None:
    village = Village(centres(1, 2))
    village.rise("c0")
    village.wait(60)
    village.up.clear()
    village.wait(3600, 1.0)
    assert village.watch.deaf
    assert village.watch.attentive_s == 0.0
    assert [t for t in village.transitions if t.condition != "online" and t.condition != "ok"] == []


def test_a_suspended_machine_has_been_deaf_not_robbed() -> None:  # fault 24
    village = _village(3).wait(60)
    village.at_s += 7200  # nothing was looked at for two hours
    village.wait(25)
    assert [t for t in village.transitions if t.condition in ("silent", "offline")] == []
    assert village.watch.attentive_s == pytest.approx(85, abs=1)


@pytest.mark.parametrize("step_s", [-3600, 3600, -1, 1, 86_400 * 365 * 50], ids=str)
def test_a_stepped_wall_clock_moves_no_deadline(step_s: int) -> None:  # fault 22, 23
    village = _village().wait(45)
    village.wall_ahead_ms = step_s * 1000
    village.wait(300)
    assert [t for t in village.transitions if t.condition in ("silent", "offline")] == []
    last = village.at_s
    village.working.discard(1)
    village.wait(121)
    silent = village.transitions[-1]
    assert silent.condition == "silent"
    assert 0 <= silent.known_at_ms - silent.at_ms <= 250
    assert silent.known_at_ms - village.wall_ahead_ms - village.begins_ms == pytest.approx(
        (last + 75) * 1000, abs=16_000
    )
    village.working.add(1)
    village.wait(31)
    assert village.turns(1)[-1][0] == "ok"


# --- late is not alive: fault 11, 12, 13


def test_an_age_that_is_not_known_is_never_a_sign_of_life() -> None:  # fault 20
    village = _village().wait(45)
    village.working.discard(1)
    for _ in range(200):
        village.hear("c0", [reading("call_terminal", "call-00", None)])
        village.wait(1)
    assert village.turns(1)[-1][0] == "silent"


def test_an_older_reading_never_changes_the_condition() -> None:  # fault 12
    village = _village().wait(45)
    village.hear("c0", [reading("call_terminal", "call-00", 30_000, mains_power=False)])
    assert [what for what, _ in village.turns(1)] == ["ok"]


def test_a_backlog_completes_history_and_alarms_nobody() -> None:  # fault 13
    village = _village().wait(45)
    village.up.clear()
    village.wait(600)
    village.up.add("c0")
    village.wait(1)
    before = len(village.transitions)
    for minutes in range(1, 10):
        village.hear("c0", [reading("call_terminal", "call-00", minutes * 60_000, reachable=minutes not in (3, 4, 5))])
    assert len(village.transitions) == before
    assert {e.condition for e in village.evidence if e.from_ms < village.now.wall_ms - 100_000} == {
        Condition.OK,
        Condition.DOWN,
    }
    ok = [e for e in village.evidence if e.condition is Condition.OK]
    down = [e for e in village.evidence if e.condition is Condition.DOWN]
    assert {e.to_ms - e.from_ms for e in ok} == {90_000}
    assert {e.to_ms - e.from_ms for e in down} == {30_000}


def test_time_that_was_known_is_not_corrected() -> None:
    village = _village().wait(300)
    village.evidence.clear()
    for age_s in (250, 200, 100, 50):
        village.hear("c0", [reading("call_terminal", "call-00", age_s * 1000, reachable=False)])
    assert village.evidence == []


def test_time_in_which_it_was_silent_is_corrected() -> None:
    village = _village().wait(45)
    village.working.discard(1)
    village.wait(300)
    village.hear("c0", [reading("call_terminal", "call-00", 120_000)])
    assert [e.condition for e in village.evidence if e.device.id == 1][-1] is Condition.OK
    assert village.turns(1)[-1][0] == "silent"  # late is not alive


# --- business hours


def test_outside_of_business_hours_nothing_is_judged() -> None:
    village = Village(fleet([path("c0")], [device(1, "c0", "pos-01", "pos_terminal")]), begins_ms=MORNING_MS)
    village.start()  # 08:00
    village.wait(600)
    village.says[1] = {"reachable": False}
    village.wait(1800, 1.0)
    assert [what for what, _ in village.turns(1)] == ["ok"]
    village.working.discard(1)
    village.wait(1190, 1.0)  # 08:59:50
    assert [what for what, _ in village.turns(1)] == ["ok"]
    village.wait(180)  # 09:02:50
    assert [what for what, _ in village.turns(1)] == ["ok"]
    village.wait(15)
    what, at = village.turns(1)[-1]
    assert what == "silent"
    assert at == pytest.approx(3600 + 180, abs=1)


def test_what_is_down_at_closing_time_stays_down_until_it_answers() -> None:
    begins_ms = MORNING_MS + 8 * HOUR_MS + 50 * 60_000  # 16:50
    village = Village(fleet([path("c0")], [device(1, "c0", "pos-01", "pos_terminal")]), begins_ms=begins_ms)
    village.start().wait(60)
    village.says[1] = {"reachable": False}
    village.wait(300)
    assert village.turns(1)[-1][0] == "down"
    village.wait(4 * 3600, 1.0)
    assert village.turns(1)[-1][0] == "down"
    village.says[1] = {}
    village.wait(31)
    assert village.turns(1)[-1][0] == "ok"


# --- the fleet changes


def test_what_leaves_the_fleet_is_forgotten_and_what_stays_is_kept() -> None:
    village = _village(1, 3).wait(45)
    smaller = fleet([path("c0")], [device(1, "c0", "call-00"), device(2, "c0", "call-01")], "2")
    village.refit(smaller)
    village.working = {2}
    village.wait(120)
    assert village.turns(1)[-1][0] == "silent"
    assert village.turns(2) == [("ok", village.turns(2)[0][1])]
    assert len(village.turns(3)) == 1


def test_a_shorter_limit_holds_at_once() -> None:
    village = Village(fleet([path("c0")], [device(1, "c0", "call-00", profile="nbiot")])).start().wait(45)
    village.working.clear()
    village.wait(600)
    village.refit(fleet([path("c0")], [device(1, "c0", "call-00")], "2"))
    village.wait(1)
    assert village.turns(1)[-1][0] == "silent"


# --- restarts


def _restarted(village: Village, down_s: float) -> Village:
    """What a new process makes of ledger and snapshots."""
    after = Village(village.fleet, attentive_s=village.watch.attentive_s, begins_ms=village.begins_ms)
    after.at_s = village.at_s + down_s
    for name in village.fleet.paths:
        turns = [t for t in village.transitions if t.device is None and t.path == name]
        if turns:
            first, last = turns[0].known_at_ms, turns[-1]
            after.watch.restore_path(name, last.condition == "online", last.at_ms, first, "boot-0001")
    for id_ in village.fleet.by_id:
        mine = [t for t in village.transitions if t.device and t.device.id == id_]
        if mine:
            last = mine[-1]
            after.watch.restore_device(id_, last.condition, last.at_ms, last.reasons, mine[0].at_ms, last.good_at_ms)
    for name in village.fleet.paths:
        after.watch.restore_snapshot(name, village.watch.snapshot(name))
    return after


def test_after_a_restart_the_deadline_is_last_heard_and_limit_and_time_deaf() -> None:
    village = Village(fleet([path("c0")], [device(1, "c0", "call-00", profile="nbiot")])).start().wait(60)
    village.working.clear()
    village.wait(20 * 3600, 4.0)
    after = _restarted(village, 600)
    after.up.add("c0")
    after.watch.hearken(after.now)
    after.wait(5 * 3600 - 100, 4.0)
    assert after.turns(1) == []
    after.wait(120)
    assert [what for what, _ in after.turns(1)] == ["silent"]


def test_a_daily_restart_does_not_make_a_long_limit_eternal() -> None:
    village = Village(fleet([path("c0")], [device(1, "c0", "call-00", profile="nbiot")])).start().wait(60)
    village.working.clear()
    turns = list(village.transitions)
    for _ in range(4):
        village.wait(8 * 3600, 4.0)
        turns += village.transitions
        village.transitions = turns
        village = _restarted(village, 60)
        village.up.add("c0")
        village.watch.hearken(village.now)
    assert [t.condition for t in turns if t.device][-1] == "silent"


def test_a_restart_keeps_condition_and_failed_probes() -> None:
    village = _village().wait(40)
    village.says[1] = {"reachable": False}
    village.says[2] = {"tamper": True}
    village.wait(30)  # one failed
    after = _restarted(village, 5)
    after.says = village.says
    after.up, after.working = {"c0"}, {1, 2}
    after.watch.hearken(after.now)
    after.wait(1)  # and the second
    assert [(t.condition, t.reasons) for t in after.transitions] == [("down", ("unreachable",))]


def test_a_restart_forgets_no_boot() -> None:
    village = _village().wait(30)
    village.presence("c0", boot="boot-0002", connection=3)
    after = _restarted(village, 5)
    after.watch.hearken(after.now)
    after.presence("c0", online=False, reason="lost")  # of boot-0001
    after.presence("c0", online=False, reason="lost", boot="boot-0002", connection=2)
    assert after.transitions == []
    after.presence("c0", online=False, reason="lost", boot="boot-0002", connection=3)
    assert [t.condition for t in after.transitions] == ["offline"]


def test_replayed_rows_change_what_is_remembered_and_say_nothing() -> None:
    village = _village().wait(45)
    after = _restarted(village, 30)
    late = reading("call_terminal", "call-00", 0, reachable=False)
    for second in (46, 76):
        came = Now(after.now.mono_s, after.begins_ms + second * 1000)
        outcome = after.watch.report("c0", [late], came, 0, decided=True)
        assert outcome.transitions == []
        assert outcome.evidence == []
    after.watch.hearken(after.now)
    third = after.hear("c0", [reading("call_terminal", "call-00", 0, reachable=False)])
    assert [t.condition for t in third.transitions] == ["down"]


def test_a_snapshot_that_cannot_be_read_gives_everything_its_whole_limit() -> None:
    village = _village().wait(45)
    after = _restarted(village, 0)
    after.watch.restore_snapshot("c0", b"\xff\x00")
    after.watch.restore_snapshot("nowhere", village.watch.snapshot("c0"))
    after.watch.hearken(after.now)
    after.wait(40)
    assert after.transitions == []


def test_a_wall_clock_set_back_between_two_runs_leaves_no_reading_in_the_future() -> None:  # fault 23
    village = _village().wait(45)
    after = _restarted(village, 10)
    after.wall_ahead_ms = -HOUR_MS
    after.watch.hearken(after.now)
    after.up, after.working = {"c0"}, {1, 2}
    after.says[1] = {"tamper": True}
    after.wait(200)
    assert [t.condition for t in after.transitions] == ["degraded"]
    after.working.discard(1)
    after.wait(130)
    assert after.turns(1)[-1][0] == "silent"
