"""A folder of backups, named by their instants: the next one's name, and which of the old ones go."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

_NAME = re.compile(r"shouwang-\d{8}T\d{6}Z\.tar\.gz")


def next_in(folder: Path, now_ms: int) -> Path:
    """Where a backup made now goes."""
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    return folder / f"shouwang-{at:%Y%m%dT%H%M%S}Z.tar.gz"


def too_many(files: Iterable[Path], keep: int) -> list[Path]:
    """Which go so that the newest `keep` stay. What is named otherwise is not ours and is left."""
    ours = sorted(file for file in files if _NAME.fullmatch(file.name))
    return ours[: max(0, len(ours) - keep)]
