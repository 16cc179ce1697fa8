"""Rules of the watch over changes of the fleet and restarts: what stays is kept, nothing becomes eternal."""

from __future__ import annotations

from shouwang.clock import Now
from tests.collector.village import Village, device, few, fleet, path, reading

HOUR_MS = 3_600_000


def test_what_leaves_the_fleet_is_forgotten_and_what_stays_is_kept() -> None:
    village = few(1, 3).wait(45)
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
    village = few().wait(40)
    village.says[1] = {"reachable": False}
    village.says[2] = {"tamper": True}
    village.wait(30)  # one failed
    after = _restarted(village, 5)
    after.says = village.says
    after.up, after.working = {"c0"}, {1, 2}
    after.watch.hearken(after.now)
    after.wait(1)  # and the second
    assert [(t.condition, t.reasons) for t in after.transitions] == [("down", ("unreachable",))]


def test_a_snapshot_made_after_the_wall_clock_was_set_has_wall_time_as_it_is_set_now() -> None:
    village = few().wait(40)
    village.says[1] = {"reachable": False}
    village.wait(30)  # one failed
    village.wall_ahead_ms = 7 * HOUR_MS
    village.wait(1)
    after = _restarted(village, 5)
    after.wall_ahead_ms = 7 * HOUR_MS
    after.says, after.up, after.working = village.says, {"c0"}, {1}
    after.watch.hearken(after.now)
    late = reading("call_terminal", "call-00", 60_000)
    assert after.hear("c0", [late]).transitions == [], "older than the failed one: the run is not cleared"
    after.wait(1)  # and the second
    assert [(t.condition, t.reasons) for t in after.transitions] == [("down", ("unreachable",))]


def test_a_restart_forgets_no_boot() -> None:
    village = few().wait(30)
    village.presence("c0", boot="boot-0002", connection=3)
    after = _restarted(village, 5)
    after.watch.hearken(after.now)
    after.presence("c0", online=False, reason="lost")  # of boot-0001
    after.presence("c0", online=False, reason="lost", boot="boot-0002", connection=2)
    assert after.transitions == []
    after.presence("c0", online=False, reason="lost", boot="boot-0002", connection=3)
    assert [t.condition for t in after.transitions] == ["offline"]


def test_replayed_rows_change_what_is_remembered_and_say_nothing() -> None:
    village = few().wait(45)
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
    village = few().wait(45)
    after = _restarted(village, 0)
    after.watch.restore_snapshot("c0", b"\xff\x00")
    after.watch.restore_snapshot("nowhere", village.watch.snapshot("c0"))
    after.watch.hearken(after.now)
    after.wait(40)
    assert after.transitions == []


def test_a_wall_clock_set_back_between_two_runs_leaves_no_reading_in_the_future() -> None:  # fault 23
    village = few().wait(45)
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
