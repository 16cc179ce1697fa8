"""Rules of the watch about time: deaf is not silent, late is not alive, and no wall clock moves a deadline."""

from __future__ import annotations

import pytest

from shouwang.vocabulary import Condition
from tests.collector.village import Village, centres, few, reading

HOUR_MS = 3_600_000


def test_deaf_is_not_silent() -> None:
    village = few().wait(60)
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
    village = few(3).wait(60)
    village.at_s += 7200  # nothing was looked at for two hours
    village.wait(25)
    assert [t for t in village.transitions if t.condition in ("silent", "offline")] == []
    assert village.watch.attentive_s == pytest.approx(85, abs=1)


@pytest.mark.parametrize("step_s", [-3600, 3600, -1, 1, 86_400 * 365 * 50], ids=str)
def test_a_stepped_wall_clock_moves_no_deadline(step_s: int) -> None:  # fault 22, 23
    village = few().wait(45)
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
    village = few().wait(45)
    village.working.discard(1)
    for _ in range(200):
        village.hear("c0", [reading("call_terminal", "call-00", None)])
        village.wait(1)
    assert village.turns(1)[-1][0] == "silent"


def test_an_older_reading_never_changes_the_condition() -> None:  # fault 12
    village = few().wait(45)
    village.hear("c0", [reading("call_terminal", "call-00", 30_000, mains_power=False)])
    assert [what for what, _ in village.turns(1)] == ["ok"]


def test_a_backlog_completes_history_and_alarms_nobody() -> None:  # fault 13
    village = few().wait(45)
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
    village = few().wait(300)
    village.evidence.clear()
    for age_s in (250, 200, 100, 50):
        village.hear("c0", [reading("call_terminal", "call-00", age_s * 1000, reachable=False)])
    assert village.evidence == []


def test_time_in_which_it_was_silent_is_corrected() -> None:
    village = few().wait(45)
    village.working.discard(1)
    village.wait(300)
    village.hear("c0", [reading("call_terminal", "call-00", 120_000)])
    assert [e.condition for e in village.evidence if e.device.id == 1][-1] is Condition.OK
    assert village.turns(1)[-1][0] == "silent"  # late is not alive
