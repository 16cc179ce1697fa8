"""Takes CSV files that are put into a folder: each once, and only when it has stopped growing."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from edge.feed.mapping import Files
from edge.feed.meaning import Aside
from edge.feed.sources.source import NotToldError, Source, Take
from shouwang.clock import Clock

_log = logging.getLogger("edge.feed")

FILE_MAX = 32 << 20
_KNOWN_MAX = 5_000
Stamp = tuple[int, int]


class FolderSource(Source):
    """`taken.json` of the state directory says which files were taken, by name, size and time of change."""

    def __init__(self, said: Files, beside: Path, state: Path, find: Callable[[Any], list[Any]], clock: Clock) -> None:
        super().__init__(find, clock)
        self._said, self._folder = said, beside / said.folder
        self._taken = Taken(state / "taken.json")
        self._sizes: dict[str, Stamp] = {}

    async def once(self) -> list[Any]:
        """The newest file. Raises NotToldError."""
        files = await asyncio.to_thread(self._files)
        if not files:
            raise NotToldError("no_answer", f"{self._folder}: no file {self._said.pattern}")
        path = files[-1][0]
        return self.find(await asyncio.to_thread(read_csv, path, self._said.encoding, self._said.delimiter))

    async def run(self, take: Take) -> None:
        while True:
            try:
                await self._look(take)
            except NotToldError as error:
                self.ill(error)
            else:
                self.well()
            await asyncio.sleep(self._said.every_s)

    async def look_at_once(self, take: Take) -> None:
        """Takes what is new in a folder into which nobody writes meanwhile."""
        self._sizes = {path.name: stamp for path, stamp in await asyncio.to_thread(self._files)}
        await self._look(take)

    async def _look(self, take: Take) -> None:
        files = await asyncio.to_thread(self._files)
        before, self._sizes = self._sizes, {path.name: stamp for path, stamp in files}
        for path, stamp in files:
            if stamp == self._taken.known.get(path.name) or before.get(path.name) != stamp:
                continue  # had already; or it has grown since the last look, and is looked at again
            try:
                rows = await asyncio.to_thread(read_csv, path, self._said.encoding, self._said.delimiter)
                await take(self.find(rows))
            except NotToldError as error:
                self.aside(Aside(error.aside.reason, f"{path.name}: {error.aside.detail}"))
            await asyncio.to_thread(self._taken.add, path.name, stamp)
            _log.info("file taken name=%s", path.name)

    def _files(self) -> list[tuple[Path, Stamp]]:
        """Oldest first. Raises NotToldError."""
        try:
            found = [(path, path.stat()) for path in self._folder.glob(self._said.pattern) if path.is_file()]
            if not self._folder.is_dir():
                raise NotADirectoryError(f"{self._folder} is no folder")
        except OSError as error:
            raise NotToldError("no_answer", str(error)) from error
        found.sort(key=lambda each: (each[1].st_mtime_ns, each[0].name))
        return [(path, (status.st_mtime_ns, status.st_size)) for path, status in found]


class Taken:
    """Which files were taken. A file that cannot be written costs a second taking, which changes nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.known = msgspec.json.decode(path.read_bytes(), type=dict[str, Stamp])
        except (OSError, msgspec.MsgspecError):
            self.known = {}

    def add(self, name: str, stamp: Stamp) -> None:
        self.known[name] = stamp
        while len(self.known) > _KNOWN_MAX:
            del self.known[next(iter(self.known))]
        new = self._path.with_name(self._path.name + ".new")
        try:
            new.write_bytes(msgspec.json.encode(self.known))
            new.replace(self._path)
        except OSError as error:
            _log.error("what was taken could not be noted reason=%r", str(error))


def read_csv(path: Path, encoding: str, delimiter: str) -> list[dict[str, str]]:
    """Its rows, by the headers of its first line. Raises NotToldError."""
    try:
        if path.stat().st_size > FILE_MAX:
            raise NotToldError("too_large", f"{path.name}: over {FILE_MAX >> 20} MiB")
        text = path.read_bytes().decode(encoding)
        rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
        return [{str(name): value for name, value in row.items() if isinstance(value, str)} for row in rows]
    except (OSError, UnicodeDecodeError, LookupError, csv.Error) as error:
        raise NotToldError("malformed", f"{path.name}: {error}") from error
