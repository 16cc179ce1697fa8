"""Which start of the machine this is, and whether its wall clock can be believed."""

from __future__ import annotations

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PLAUSIBLE_FROM_MS = 1_700_000_000_000  # November 2023: a clock before this was never set
PLAUSIBLE_TO_MS = 4_102_444_800_000  # 2100


def machine_start() -> str:
    """A name of this start of the machine: the monotonic clock runs on while it stays the same."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""  # then every start of the agent counts as one of the machine


def plausible(wall_ms: int) -> bool:
    """Whether a wall clock that says this may have been set."""
    return PLAUSIBLE_FROM_MS <= wall_ms <= PLAUSIBLE_TO_MS
