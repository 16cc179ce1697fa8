"""Which bundle runs: every way that a trial can go."""

from pathlib import Path

import msgspec
import pytest

from edge.upgrade import record
from edge.upgrade.record import FAILED_KEPT, STARTS_MAX, Record

OLD, NEW = "a" * 64, "b" * 64
WITHIN_S = 300.0
NOON_MS = 1_790_000_000_000


def start(known: Record, mono_s: float, machine: str = "one") -> tuple[Record, float | None]:
    return record.started(known, machine, mono_s, WITHIN_S, NOON_MS)


def test_without_a_trial_nothing_is_limited() -> None:
    assert start(Record(chosen=OLD), 5.0) == (Record(chosen=OLD), None)


def test_what_is_confirmed_is_chosen_and_told_once() -> None:
    known, left_s = start(record.begin(Record(chosen=OLD), NEW, "2.0"), 1000.0)
    assert left_s == WITHIN_S
    stays = record.confirmed(known, NOON_MS)
    assert (stays.chosen, stays.trial, stays.said) == (NEW, None, False)
    assert stays.newest is not None
    assert (stays.newest.version, stays.newest.reason) == ("2.0", "")
    assert record.told(stays).said
    assert not stays.has_failed(NEW)
    assert record.confirmed(stays, NOON_MS) == stays, "there is nothing more to confirm"


def test_what_ends_again_and_again_is_given_up_before_its_time_is_out() -> None:
    known = record.begin(Record(chosen=OLD), NEW, "2.0")
    for number in range(STARTS_MAX):
        known, left_s = start(known, 1000.0 + number)
        assert left_s == WITHIN_S - number, "its time runs from its first start"
    known, left_s = start(known, 1010.0)
    assert left_s is None
    assert (known.chosen, known.trial) == (OLD, None)
    assert known.newest is not None
    assert known.newest.reason == "ended 3 times before it had reported"
    assert known.has_failed(NEW)


def test_its_time_runs_out_over_restarts_too() -> None:
    known, _ = start(record.begin(Record(), NEW, "2.0"), 1000.0)
    known, left_s = start(known, 1000.0 + WITHIN_S)
    assert left_s is None
    assert known.newest is not None
    assert known.newest.reason == "had not reported within 300 s"
    assert known.chosen == "", "the installed one"


def test_a_machine_that_was_started_anew_gives_it_its_time_again_but_not_its_starts() -> None:
    known = record.begin(Record(), NEW, "2.0")
    known, _ = start(known, 5000.0)
    known, left_s = start(known, 20.0, machine="two")
    assert left_s == WITHIN_S
    known, _ = start(known, 30.0, machine="three")
    known, left_s = start(known, 40.0, machine="four")
    assert left_s is None
    assert known.has_failed(NEW)


def test_what_cannot_run_makes_room_for_what_was_before() -> None:
    on_trial = record.begin(Record(chosen=OLD), NEW, "2.0")
    back = record.cannot_run(on_trial, "is not there whole", NOON_MS)
    assert (back.chosen, back.trial) == (OLD, None)
    installed = record.cannot_run(back, "is not there whole", NOON_MS)
    assert installed.chosen == ""
    assert installed.has_failed(OLD)


def test_what_is_kept_is_bounded() -> None:
    known = Record()
    for number in range(FAILED_KEPT * 3):
        known = record.refused(known, f"{number:064x}", "2.0", "x" * 1000, NOON_MS)
    assert len(known.outcomes) == FAILED_KEPT
    assert len(msgspec.json.encode(known)) < 16_000


def test_a_record_is_kept_whole_and_one_that_cannot_be_read_means_the_installed_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    assert record.load(folder) == Record()
    changed = record.change(folder, lambda known: record.begin(known, NEW, "2.0"))
    assert record.load(folder) == changed
    assert changed.trial is not None
    (folder / record.FILE).write_bytes(b'{"chosen":')
    assert record.load(folder) == Record()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "bundles").write_text("no folder")
    with pytest.raises(OSError, match="File exists"):
        record.change(tmp_path / "bundles", lambda known: record.begin(known, NEW, "2.0"))
