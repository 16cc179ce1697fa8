"""Looks at the state directory: whether it can be written to, on what sort of disk it is, and when that is full."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from collector.doctor.around import Around
from collector.doctor.finding import Finding, found
from shouwang.ledger.engine import open_engine
from shouwang.ledger.tables import Path as HeardPath
from shouwang.settings import Loaded

DISK_LOW_BYTES = 2 << 30
DISK_OUT_BYTES = 200 << 20
SAID_DAYS_BEFORE = 30
DAY_MS = 86_400_000
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "beegfs", "fuse.sshfs",
     "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.davfs", "davfs", "fuse.juicefs", "fuse.ossfs"}
)  # fmt: skip
MEMORY = frozenset({"tmpfs", "ramfs"})


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system is mounted, and which."""

    place: Path
    type: str


def state(loaded: Loaded, around: Around) -> Iterator[Finding]:
    """The state directory itself."""
    directory = loaded.settings.state.absolute()
    there = _existing(directory)
    if not there.is_dir() or not os.access(there, os.W_OK) or _read_only(there):
        yield found("state_unwritable", state=directory, there=there)
        return
    yield found("state_good" if directory.exists() else "state_new", state=directory)
    mount = mount_of(there.resolve(), around.mounts.read_text("utf-8", "replace"))
    if mount is not None and mount.type in NETWORK:
        yield found("state_on_network", state=directory, type=mount.type, mount=mount.place)
    elif mount is not None and mount.type in MEMORY:
        yield found("state_in_memory", state=directory, type=mount.type, mount=mount.place)
    if directory.exists() and (mode := stat.S_IMODE(directory.stat().st_mode)) & 0o007:
        yield found("state_open", state=directory, mode=f"{mode:04o}")


def mount_of(path: Path, mountinfo: str) -> Mount | None:
    """The mount that a path (absolute, without links) lies on, of the text of /proc/self/mountinfo (proc(5)): the
    deepest, of those the last mounted."""
    best: Mount | None = None
    for line in mountinfo.splitlines():
        words, _, rest = line.partition(" - ")
        fields, after = words.split(), rest.split()
        if len(fields) < 5 or not after:
            continue
        place = Path(fields[4].encode().decode("unicode_escape"))
        if path.is_relative_to(place) and (best is None or len(place.parts) >= len(best.place.parts)):
            best = Mount(place, after[0])
    return best


def room(loaded: Loaded, around: Around) -> Iterator[Finding]:
    """What is free, and how long that is enough."""
    directory = loaded.settings.state.absolute()
    free = around.free_bytes(_existing(directory))
    said = size(free)
    if free < DISK_OUT_BYTES:
        yield found("disk_out", free=said)
        return
    a_day = _grows_a_day(loaded, around.now_ms)
    keeps = loaded.settings.readings.raw_days
    days = full_in_days(free, a_day, keeps, _since_days(loaded, around.now_ms))
    if days is not None and days <= SAID_DAYS_BEFORE:
        yield found("disk_fills", free=said, a_day=size(round(a_day)), days=f"{days:.0f}", keeps=keeps)
    elif free < DISK_LOW_BYTES:
        yield found("disk_low", free=said)
    else:
        yield found("disk_good", free=said)


def full_in_days(free: float, a_day: float, keeps_days: float, since_days: float) -> float | None:
    """In how many days what grows by so much a day takes what is free; None: never, because after `keeps_days` in all
    as much is deleted as is written."""
    if a_day <= 0:
        return None
    days = free / a_day
    return days if days < keeps_days - since_days else None


def _grows_a_day(loaded: Loaded, now_ms: int) -> float:
    """Bytes: what stands in the state directory, over the time in which it came to be."""
    since = _since_days(loaded, now_ms)
    if since < 1:
        return 0.0  # the first day tells nothing yet
    directory = loaded.settings.state
    files = [path for name in ("readings.db*", "ledger.db*", "journal.db*") for path in directory.glob(name)]
    return sum(path.stat().st_size for path in files) / since


def _since_days(loaded: Loaded, now_ms: int) -> float:
    """For how many days something has been heard; 0 where the ledger does not say."""
    if loaded.settings.ledger.url is None and not (loaded.settings.state / "ledger.db").exists():
        return 0.0
    engine = open_engine(loaded.settings.ledger_url)
    try:
        with engine.connect() as connection:
            first = connection.scalar(select(func.min(HeardPath.first_heard_at)))
    except SQLAlchemyError:
        return 0.0  # the look at the ledger says so
    finally:
        engine.dispose()
    return 0.0 if first is None else max(0.0, (now_ms - first) / DAY_MS)


def size(count: float) -> str:
    """`1.5 GiB`, `320 MiB`."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"


def _existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.exists())


def _read_only(place: Path) -> bool:
    """Root may write where permissions say no, and yet not on a disk that is mounted to be read alone."""
    return bool(os.statvfs(place).f_flag & os.ST_RDONLY)
