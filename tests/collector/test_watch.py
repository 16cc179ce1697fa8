"""The rules of the watch about one device, each by its name, as short histories."""

from __future__ import annotations

import pytest

from shouwang.reasons import Reason
from tests.collector.village import MORNING_MS, Village, centres, device, few, fleet, path, reading

HOUR_MS = 3_600_000


def test_a_terminal_that_falls_silent_is_silent_at_its_limit() -> None:
    village = few().wait(60)
    village.working.discard(1)
    village.wait(200)
    assert village.turns(1)[0][0] == "ok"
    what, at = village.turns(1)[-1]
    last = max(t for t in (0.25, 30.25, 60.25) if t <= 60)
    assert what == "silent"
    assert at == pytest.approx(last + 90, abs=0.01)
    assert village.turns(2) == [("ok", village.turns(2)[0][1])]


def test_silent_is_known_within_a_quarter_second_of_its_limit() -> None:
    village = few().wait(60)
    village.working.discard(1)
    village.wait(200)
    silent = village.transitions[-1]
    assert 0 <= silent.known_at_ms - silent.at_ms <= 250


def test_a_fresh_reading_ends_silence() -> None:
    village = few().wait(60)
    village.working.discard(1)
    village.wait(200)
    village.working.add(1)
    village.wait(31)
    assert [what for what, _ in village.turns(1)] == ["ok", "silent", "ok"]


def test_what_the_agent_says_was_wrong_goes_with_the_transition_and_decides_nothing() -> None:
    village = few().wait(40)
    for seconds in (1, 2, 3):
        village.says[1] = {"reachable": False, "why": Reason("no_answer", {"s": seconds})}
        village.wait(30)
    assert [(each.condition, each.why) for each in village.transitions if each.device and each.device.id == 1] == [
        ("ok", None),
        ("down", Reason("no_answer", {"s": 2})),
    ]


def test_down_after_so_many_failed_probes_in_a_row() -> None:
    village = few().wait(40)
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
    village = few().wait(40)
    failed = reading("call_terminal", "call-00", 100, reachable=False)
    for _ in range(5):
        village.hear("c0", [failed])
    assert [what for what, _ in village.turns(1)] == ["ok"]


def test_one_failed_probe_while_silent_is_no_recovery() -> None:
    village = few().wait(60)
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
    village = few().wait(40)
    village.says[1] = {"reachable": False}
    village.wait(600)
    assert [what for what, _ in village.turns(1)] == ["ok", "down"]
    village.working.discard(1)
    village.wait(120)
    assert [what for what, _ in village.turns(1)] == ["ok", "down", "silent"]


def test_degraded_names_its_reasons_and_severity() -> None:
    village = few().wait(40)
    village.says[1] = {"mains_power": False, "battery_percent": 40.0}
    village.wait(30)
    degraded = village.transitions[-1]
    assert degraded.condition == "degraded"
    assert set(degraded.reasons) == {"battery_critical", "mains_lost"}
    assert degraded.severity == "major"


def test_changed_reasons_are_a_transition() -> None:
    village = few().wait(40)
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


def test_a_first_hearing_proves_nothing_beyond_its_transition_unless_the_path_was_not_known_by_then() -> None:
    village = Village(centres(1, 2)).start()
    assert village.hear("c0", [reading("call_terminal", "call-00")]).evidence == []
    before = village.hear("c0", [reading("call_terminal", "call-01", 5_000)])
    assert [t.device.id for t in before.transitions if t.device] == [2]
    assert [(e.device.id, e.condition) for e in before.evidence] == [(2, "ok")], "5 s ago the agent was not there"


def test_a_device_of_another_path_or_of_another_kind_is_not_taken() -> None:
    village = few()
    stranger = reading("call_terminal", "call-77")
    wrong = reading("camera", "call-00", fps=25.0)
    assert village.hear("c0", [stranger, wrong]).unknown_devices == [stranger, wrong]
    assert village.hear("nowhere", [stranger]).unknown_devices == [stranger]


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
