"""Processor time and memory of other processes, from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Use:
    """`cpu_s` so far, user and system, of the process and of the children that it has waited for."""

    cpu_s: float
    rss_bytes: int


def use_of(pid: int) -> Use:
    """Raises ProcessLookupError when the process is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
        status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except FileNotFoundError as error:
        raise ProcessLookupError(pid) from error
    fields = stat.rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) * _TICK_S
    rss = next((row for row in status.splitlines() if row.startswith("VmRSS:")), "VmRSS: 0 kB")
    return Use(cpu_s, int(rss.split()[1]) * 1024)
