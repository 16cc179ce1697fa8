"""Which bundle a box runs, and what became of those that it tried: decided here, kept in one small file.

Pure but for the last three. Monotonic seconds go on through a suspend and begin anew with the machine, whose start
`machine` names.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

FILE = "record.json"
STARTS_MAX = 3
FAILED_KEPT = 16


class Trial(msgspec.Struct, frozen=True):
    """A bundle that runs on trial: how often it was started, and when first since this start of the machine."""

    sha256: str
    version: str
    starts: int = 0
    machine: str = ""
    began_s: float = 0.0


class Outcome(msgspec.Struct, frozen=True):
    """What became of a bundle: `reason` is empty for one that was confirmed. `at_ms` is this box's wall clock."""

    sha256: str
    version: str
    reason: str = ""
    at_ms: int = 0


class Record(msgspec.Struct, frozen=True):
    """`chosen` is what runs where nothing is tried: empty, the bundle that was installed. `said`: the centre knows of
    the newest outcome."""

    chosen: str = ""
    trial: Trial | None = None
    outcomes: tuple[Outcome, ...] = ()
    said: bool = True

    @property
    def newest(self) -> Outcome | None:
        return self.outcomes[-1] if self.outcomes else None

    def has_failed(self, sha256: str) -> bool:
        """Whether this very bundle was given up here before; then it is not tried again."""
        return any(each.sha256 == sha256 and each.reason for each in self.outcomes)


def begin(record: Record, sha256: str, version: str) -> Record:
    """The next start tries this bundle."""
    return msgspec.structs.replace(record, trial=Trial(sha256, version))


def started(record: Record, machine: str, mono_s: float, within_s: float, wall_ms: int) -> tuple[Record, float | None]:
    """At a start: the record as it is to be kept before anything runs, and within how many seconds what is tried must
    be confirmed (None: nothing is tried). A trial that has run out, or was started too often, is given up."""
    trial = record.trial
    if trial is None:
        return record, None
    began_s = trial.began_s if trial.starts and trial.machine == machine else mono_s
    left_s = within_s - (mono_s - began_s)
    if trial.starts >= STARTS_MAX:
        return given_up(record, f"ended {trial.starts} times before it had reported", wall_ms), None
    if left_s <= 0:
        return given_up(record, f"had not reported within {within_s:.0f} s", wall_ms), None
    tried = msgspec.structs.replace(trial, starts=trial.starts + 1, machine=machine, began_s=began_s)
    return msgspec.structs.replace(record, trial=tried), left_s


def confirmed(record: Record, wall_ms: int) -> Record:
    """The collector has acknowledged what the tried bundle reported: it is the chosen one from now on."""
    trial = record.trial
    if trial is None:
        return record
    outcome = Outcome(trial.sha256, trial.version, "", wall_ms)
    return Record(trial.sha256, None, (*record.outcomes, outcome)[-FAILED_KEPT:], said=False)


def given_up(record: Record, reason: str, wall_ms: int) -> Record:
    """What was tried goes; the chosen one runs again."""
    trial = record.trial
    if trial is None:
        return record
    return refused(msgspec.structs.replace(record, trial=None), trial.sha256, trial.version, reason, wall_ms)


def cannot_run(record: Record, reason: str, wall_ms: int) -> Record:
    """The bundle that was to run is not there whole, or not signed: what was chosen before runs, or at last what was
    installed."""
    if record.trial is not None:
        return given_up(record, reason, wall_ms)
    return refused(msgspec.structs.replace(record, chosen=""), record.chosen, "", reason, wall_ms)


def refused(record: Record, sha256: str, version: str, reason: str, wall_ms: int) -> Record:
    """A bundle is not to be tried (again): it failed, or could not even be begun."""
    outcome = Outcome(sha256, version, reason[:300], wall_ms)
    return msgspec.structs.replace(record, outcomes=(*record.outcomes, outcome)[-FAILED_KEPT:], said=False)


def told(record: Record) -> Record:
    """The centre has heard of the newest outcome."""
    return msgspec.structs.replace(record, said=True)


def load(folder: Path) -> Record:
    """As it was kept; a fresh one where there is none, or where it cannot be read: then the installed bundle runs."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return Record()


def change(folder: Path, how: Callable[[Record], Record]) -> Record:
    """Changes what is kept, one process at a time, and gives what it then is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = load(folder)
        after = how(before)
        if after != before:
            keep(folder, after)
        return after


def keep(folder: Path, record: Record) -> None:
    """On disk, whole or not at all, when it returns. Raises OSError."""
    new = folder / f"{FILE}.new"
    with new.open("wb") as file:
        file.write(msgspec.json.encode(record))
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / FILE)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
