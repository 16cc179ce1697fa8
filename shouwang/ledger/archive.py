"""What a backup consists of: some files and `manifest.json`, in a folder or in one .tar.gz."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

MANIFEST = "manifest.json"
FORMAT = 1
SQLITE_FILES = ("ledger.db", "journal.db", "readings.db", "recorder.db", "hours.db")
DUMP = "ledger.dump"
"""A ledger on PostgreSQL, as pg_dump writes it."""
_KNOWN = frozenset({*SQLITE_FILES, DUMP})
_CHUNK = 1 << 20


class BackupError(Exception):
    """A backup or restore that cannot be done; the message says why and what to do. Nothing was changed."""


@dataclass(slots=True)
class Manifest:
    """What stands in a backup, and of when."""

    created_at_ms: int
    version: str  # of Shouwang
    revision: str | None  # of the ledger's tables
    ledger: str  # sqlite, postgresql
    journal_position: int  # up to which the ledger has decided
    files: dict[str, str] = field(default_factory=dict)  # name: SHA-256
    format: int = FORMAT


def is_packed(target: Path) -> bool:
    """Whether a target is one file rather than a folder."""
    return target.name.endswith((".tar.gz", ".tgz"))


def write(folder: Path, manifest: Manifest, target: Path) -> int:
    """Puts the files of `folder`, with their manifest, at `target`; gives its bytes. All or nothing."""
    manifest.files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
    for path in folder.iterdir():
        path.chmod(0o600)  # names of people stand in it
        _sync(path)
    if is_packed(target):
        unfinished = target.with_name(f".{target.name}.unfinished")
        with unfinished.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as packed:
                for name in (MANIFEST, *sorted(manifest.files)):
                    packed.add(folder / name, name)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
        shutil.rmtree(folder)
        size = target.stat().st_size
    else:
        folder.replace(target)
        size = sum(path.stat().st_size for path in target.iterdir())
    _sync(target.parent)
    return size


def read(source: Path, into: Path) -> Manifest:
    """Brings the files of a backup to the folder `into`, each checked. Raises BackupError."""
    if source.is_dir():
        for name in (MANIFEST, *sorted(_KNOWN)):
            if (source / name).exists():
                shutil.copyfile(source / name, into / name)
    else:
        _unpack(source, into)
    manifest = _manifest(source, into / MANIFEST)
    for name, expected in manifest.files.items():
        path = into / name
        if name not in _KNOWN or not path.is_file():
            raise BackupError(f"{source}: {name} is missing: the backup is not whole, use another")
        if _sha256(path) != expected:
            raise BackupError(f"{source}: {name} is not what was saved (its checksum differs): use another backup")
        path.chmod(0o600)
    return manifest


def _unpack(source: Path, into: Path) -> None:
    try:
        with tarfile.open(source, "r:gz") as packed:
            for member in packed:
                if member.name not in _KNOWN and member.name != MANIFEST:
                    raise BackupError(f"{source}: {member.name!r} does not belong into a backup of Shouwang")
                packed.extract(member, into, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BackupError(f"{source} cannot be unpacked ({error}): use another backup") from error


def _manifest(source: Path, path: Path) -> Manifest:
    try:
        found = json.loads(path.read_text("utf-8"))
        if found.get("format") != FORMAT:
            raise BackupError(f"{source} is of format {found.get('format')}, this Shouwang reads {FORMAT}")
        return Manifest(**found)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BackupError(f"{source} is no backup of Shouwang: its {MANIFEST} cannot be read ({error})") from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
