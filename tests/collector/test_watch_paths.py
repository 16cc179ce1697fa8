"""Rules of the watch about paths: who speaks for a device, when it is lost, and what its presence says."""

from __future__ import annotations

import pytest

from shouwang.limits import DeviceLimits
from tests.collector.village import Village, centres, device, few, fleet, path, reading

HOUR_MS = 3_600_000


def test_a_path_is_offline_when_the_broker_says_so() -> None:
    village = few().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    assert village.path_turns("c0") == [("online", ""), ("offline", "lost")]


def test_a_path_is_offline_when_nothing_was_heard_for_its_limit() -> None:
    village = few().wait(45)
    village.up.clear()
    village.wait(60)
    assert village.path_turns("c0") == [("online", ""), ("offline", "silent")]
    offline = village.transitions[-1]
    assert village.second(offline.at_ms) == pytest.approx(30.25 + 60, abs=0.01)


def test_a_lost_path_writes_no_transition_of_its_devices() -> None:
    village = few().wait(45)
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
    village = few().wait(45)
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
    village = few().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    village.wait(5)
    village.take(village.watch.heard_path("c0", village.now, 0))
    assert village.path_turns("c0")[-1] == ("online", "")


def test_what_the_broker_held_since_before_the_end_brings_nobody_back() -> None:
    village = few().wait(45)
    village.up.clear()
    village.presence("c0", online=False, reason="lost")
    village.wait(10)
    village.hear("c0", [reading("call_terminal", "call-00")], held_ms=11_000)
    assert village.path_turns("c0")[-1] == ("offline", "lost")


def test_what_was_on_its_way_at_a_goodbye_brings_nobody_back() -> None:
    village = few().wait(45)
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
    village = few().wait(30)
    village.presence("c0", connection=2)
    village.presence("c0", online=False, reason="lost", connection=1)
    assert village.path_turns("c0") == [("online", "")]
    village.presence("c0", boot="boot-0002", connection=1)
    village.presence("c0", online=False, reason="lost", connection=2)
    assert village.path_turns("c0") == [("online", "")]


def test_a_late_online_after_its_own_will_is_ignored() -> None:  # fault 12
    village = few().wait(30)
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
    village = few().wait(30)
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
    village = few().wait(30)
    for connection in range(2, 10):
        village.presence("c0", boot="boot-000a" if connection % 2 else "boot-0001", connection=connection)
    village.wait(1000)
    assert len(village.conflicts) == 2
    assert village.conflicts[-1] == ""


def test_a_late_presence_of_a_replaced_boot_is_no_conflict() -> None:  # fault 12
    village = few().wait(30)
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
