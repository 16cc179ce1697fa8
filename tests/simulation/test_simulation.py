"""The seeded simulation as a test: a few seeds, two hundred where there is time; and that it can fail at all."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import pytest

from collector.watch import Watch, deadlines, snapshot
from collector.watch.attentive import AttentiveClock
from collector.watch.state import PathWatch
from tests.simulation.__main__ import commit
from tests.simulation.run import Simulation


def _runs(seed: int, days: float) -> None:
    history = Simulation(seed, days).run()
    assert not history.breach, f"seed {seed}, commit {commit()}, --days {days}: {history.breach}"
    assert history.messages > 100
    assert history.incidents > 0


# fault 1, 2, 4, 7, 8, 9, 11, 12, 13, 22, 23, 24, 39, 42, 43
@pytest.mark.parametrize("seed", range(1, 5))
def test_no_invariant_is_broken_in_a_morning(seed: int) -> None:
    _runs(seed, 0.15)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_invariant_is_broken_in_two_hundred_histories() -> None:
    for seed in range(1, 201):
        _runs(seed, 0.5)


def test_the_same_seed_is_the_same_history() -> None:
    assert Simulation(7, 0.1).run() == Simulation(7, 0.1).run()


def _forget_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.collector.SNAPSHOT_EVERY", 0)
    monkeypatch.setattr("tests.simulation.disk.Disk.prune", lambda disk: disk.journal.clear())


def _acknowledge_before_storing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.disk.Disk.append", lambda disk, row: None)


def _never_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "silence", lambda *arguments: None)


def _deaf_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AttentiveClock, "deafen", lambda clock, now: None)


def _no_late_reading_is_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.watch.device.overlaps", lambda *arguments: False)


def _any_path_any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Watch._take_fleet

    def mixed(watch: Watch, fleet: object) -> None:
        original(watch, fleet)  # type: ignore[arg-type]
        every = {f"{d.facts.centre}/{d.facts.device}": d for p in watch._paths.values() for d in p.devices}
        for path in watch._paths.values():
            if isinstance(path, PathWatch):
                more = {name: at for at, name in enumerate(every, len(path.devices))}
                path.roster = copy(path.roster)
                path.roster.index = path.roster.index | more
                path.roster.names += tuple(every)
                path.devices = [*path.devices, *every.values()]

    monkeypatch.setattr(Watch, "_take_fleet", mixed)


def _help_calls_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.incidents.incidents.tell", lambda desk, o: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(_forget_snapshots, id="forget_snapshots"),
        pytest.param(_acknowledge_before_storing, id="acknowledge_before_storing"),
        pytest.param(_never_silent, id="never_silent"),
        pytest.param(_deaf_is_silent, id="deaf_is_silent"),
        pytest.param(_no_late_reading_is_history, id="no_late_reading_is_history"),
        pytest.param(_any_path_any_device, id="any_path_any_device"),
        pytest.param(_help_calls_wait, id="help_calls_wait"),
    ],
)
def test_a_planted_fault_is_found(fault: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch)
    assert snapshot.VERSION == 1
    assert any(Simulation(seed, 0.5).run().breach for seed in range(1, 13))
