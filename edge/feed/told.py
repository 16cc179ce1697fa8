"""What a feed was told on this machine: its mapping and its list of devices, read again when their files change."""

from __future__ import annotations

import logging
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path

from edge.feed.mapping import Mapping, MappingError, read_mapping
from edge.feed.meaning import Meaning
from edge.feed.naming import Names, read_names
from shouwang.kinds import Kind, Kinds

_log = logging.getLogger("edge.feed")

_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One reading of the files."""

    said: Mapping
    meaning: Meaning
    devices: int


class ToldFiles:
    """`path`: of the mapping; the list of devices stands beside it."""

    def __init__(self, path: Path, kinds: MappingOf[str, Kind]) -> None:
        self._path, self._declared, self._kinds = path, dict(kinds), Kinds(dict(kinds))
        self._list = ""
        self._used: _Stamp = ()
        self._looked: _Stamp = ()

    def read(self) -> Told:
        """Raises MappingError."""
        before = self._stamp()
        said = read_mapping(self._path, self._declared)
        self._list = said.device.list if said.device is not None else ""
        stamp = self._stamp()  # before the list is read: what changes meanwhile is seen at the next look
        names = read_names(said.device, self._path.parent) if said.device is not None else Names(None)
        self._used = stamp if stamp[:1] == before[:1] else ()
        return Told(said, Meaning(said, self._kinds, names), len(names) or len(said.listen))

    def read_if_changed(self) -> Told | None:
        """For a timer: None while the files are as they were, while somebody still writes them (they are taken when two
        looks see the same), and where they are wrong, which is said once: what was told before stays."""
        stamp = self._stamp()
        before, self._looked = self._looked, stamp
        if stamp == self._used or stamp != before:
            return None
        try:
            return self.read()
        except MappingError as error:
            self._used = stamp
            _log.error("what changed is wrong, and what was before stays reason=%r", str(error))
            return None

    def _stamp(self) -> _Stamp:
        files = [self._path, *([self._path.parent / self._list] if self._list else [])]
        return tuple(_seen(file) for file in files)


def _seen(file: Path) -> tuple[int, int, int]:
    """Zeros for one that is not there, as for a moment while it is replaced."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
