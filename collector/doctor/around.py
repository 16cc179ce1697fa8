"""The machine around the doctor, as far as a look asks for it; a test gives it another."""

from __future__ import annotations

import ctypes
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from shouwang import clock

TIME_ERROR = 5
"""Of adjtimex(2): the clock is not synchronised."""
UNITS = (Path("/etc/systemd/system"), Path("/usr/local/lib/systemd/system"), Path("/usr/lib/systemd/system"))


@dataclass(frozen=True, slots=True)
class Around:
    """`now_ms`, and how far the machine's own time is from UTC. `synchronised` is None where the kernel does not say.
    `mosquitto_conf` is of a broker that we do not start; None: it is not looked at."""

    now_ms: int = field(default_factory=clock.wall_ms)
    utc_offset_s: int = field(default_factory=lambda: utc_offset_s())
    synchronised: bool | None = field(default_factory=lambda: synchronised())
    mounts: Path = Path("/proc/self/mountinfo")
    proc: Path = Path("/proc")
    units: tuple[Path, ...] = UNITS
    mosquitto_conf: Path | None = None
    free_bytes_at_most: int | None = None
    """A disk of a test: as free as it is, but no more than this."""

    def free_bytes(self, place: Path) -> int:
        """What is free on the disk of a path that exists. Raises OSError."""
        free = shutil.disk_usage(place).free
        return free if self.free_bytes_at_most is None else min(free, self.free_bytes_at_most)


def synchronised() -> bool | None:
    """Whether the kernel's clock is kept right by somebody; None where it does not say."""
    try:
        buffer = ctypes.create_string_buffer(512)  # struct timex, larger than it is anywhere; modes 0: only read
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR


def utc_offset_s() -> int:
    """How many seconds the machine's own time is ahead of UTC now."""
    offset = datetime.fromtimestamp(clock.wall_ms() / 1000).astimezone().utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
