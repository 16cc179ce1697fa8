"""Who ends a bundle on trial that has not been confirmed in time: a process of its own, which needs nothing of it.

The tried bundle may hang before its first line; so it is not asked to judge itself. The guardian is begun by the
bundle that was installed, waits beside the tried one, and goes when that is confirmed or has ended.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from edge.upgrade import record
from edge.upgrade.record import Record
from shouwang import clock

LOOK_EVERY_S = 2.0
GRACE_S = 10.0


def guard(folder: Path, sha256: str, within_s: float) -> None:
    """Begins a guardian of this very process, whatever it becomes. Raises OSError."""
    watched = os.pidfd_open(os.getpid())
    between = os.fork()
    if between:
        os.close(watched)
        os.waitpid(between, 0)
        return
    # The middle one goes at once, so that what is watched has no child that it does not know of.
    try:
        if os.fork() == 0:
            os.setsid()
            _watch(watched, folder, sha256, within_s)
    finally:
        os._exit(0)


def _watch(watched: int, folder: Path, sha256: str, within_s: float) -> None:
    until_s = clock.mono_s() + within_s
    while (left_s := until_s - clock.mono_s()) > 0:
        if _has_ended(watched, min(LOOK_EVERY_S, left_s)) or not _on_trial(folder, sha256):
            return
    why = f"had not reported within {within_s:.0f} s"
    with contextlib.suppress(OSError):  # then the next start finds that its time has run out
        known = record.change(folder, lambda r: record.given_up(r, why, clock.wall_ms()) if _tries(r, sha256) else r)
        if known.newest is None or known.newest.sha256 != sha256 or not known.newest.reason:
            return  # confirmed at the last moment
    signal.pidfd_send_signal(watched, signal.SIGTERM)
    if not _has_ended(watched, GRACE_S):
        signal.pidfd_send_signal(watched, signal.SIGKILL)


def _on_trial(folder: Path, sha256: str) -> bool:
    return _tries(record.load(folder), sha256)


def _tries(known: Record, sha256: str) -> bool:
    return known.trial is not None and known.trial.sha256 == sha256


def _has_ended(watched: int, within_s: float) -> bool:
    """A process's descriptor can be read once it has ended."""
    return bool(select.select([watched], [], [], within_s)[0])
