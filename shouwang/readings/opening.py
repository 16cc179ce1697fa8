"""Which store a running part uses: InfluxDB where its address is set, else the file in the state directory."""

from __future__ import annotations

from pathlib import Path

from shouwang.kinds import Kinds
from shouwang.readings.embedded import EmbeddedStore
from shouwang.readings.store import ReadingStore, Retention

FILE = "readings.db"
MARKS = "hours.db"


def open_store(
    url: str | None,
    state_dir: Path,
    kinds: Kinds,
    *,
    org: str = "shouwang",
    bucket: str = "shouwang",
    token: str = "",
    writable: bool = False,
    retention: Retention | None = None,
) -> ReadingStore:
    """The store of `[readings]`. Only the recorder opens it `writable`. Nothing is asked of InfluxDB yet: `check` does.

    Raises StoreUnavailable when the embedded store's file cannot be opened.
    """
    if not url:
        return EmbeddedStore(state_dir / FILE, kinds, writable=writable, retention=retention)
    from shouwang.readings.influx import InfluxStore  # its client is slow to import

    return InfluxStore(url, org, bucket, token, kinds, marks=state_dir / MARKS if writable else None)
