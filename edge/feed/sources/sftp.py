"""Fetches CSV files from a server by the `sftp` of OpenSSH into a folder of its own, and takes them from there.

No library: asyncssh is EPL-2.0, paramiko LGPL-2.1; OpenSSH is on every machine that has a key to a bank's server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.feed.mapping import Files, Sftp
from edge.feed.sources.files import FILE_MAX, FolderSource
from edge.feed.sources.listing import TOTAL_MAX, Fetches, Listed, read_listing
from edge.feed.sources.source import NotToldError, Source, Take
from shouwang.clock import Clock

_SAID_MAX = 300
_LINES_MAX = 10_000
_LINE_MAX = 4_096
_LOOK_S = 0.2
_LISTED = "Local working directory:"
"""What `lpwd` says: the listing before it is over."""
_SPARE = 1 << 20


class SftpSource(Source):
    """What is fetched stays in `fetched/` of the state directory while it is the server's; files unchanged there are
    neither fetched nor taken again. Bounded in bytes (see `listing.py`) and in time (`timeout_s`), whatever the server
    sends."""

    def __init__(self, said: Sftp, beside: Path, state: Path, find: Callable[[Any], list[Any]], clock: Clock) -> None:
        super().__init__(find, clock)
        self._said, self._beside = said, beside
        self._fetched = state / "fetched"
        for word in (said.host, said.user, said.folder, said.pattern):
            if word.startswith("-") or any(c in word for c in '\n\r"\\'):
                raise ValueError(f"source: {word!r}: no quotes, line breaks or a leading -")
        files = Files(folder=str(self._fetched), pattern=said.pattern, encoding=said.encoding, delimiter=said.delimiter)
        self._folder = FolderSource(files, Path(), state, find, clock)
        self._fetches = Fetches()

    async def once(self) -> list[Any]:
        await self._fetch()
        return await self._folder.once()

    async def run(self, take: Take) -> None:
        self._folder.aside = self.aside
        while True:
            try:
                await self._fetch()
                await self._folder.look_at_once(take)
            except NotToldError as error:
                self.ill(error)
            else:
                self.well()
            await asyncio.sleep(self._said.every_s)

    async def _fetch(self) -> None:
        """Raises NotToldError."""
        self._fetched.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *self._command(), stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LINE_MAX, env=_environment()
        )
        # Whatever the server sends in place of what it has listed: the program is ended by the kernel.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FILE_MAX + _SPARE, FILE_MAX + _SPARE))
        wanted: list[Listed] = []
        told = asyncio.create_task(_last_words(process))
        watched = asyncio.create_task(self._watch_size(process))
        try:
            async with asyncio.timeout(self._said.timeout_s):
                wanted += await self._talk(process)
                await process.wait()
        except TimeoutError:
            raise NotToldError("no_answer", f"sftp did not end within {self._said.timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            watched.cancel()
            here = await asyncio.to_thread(self._here)
            whole = [each for each in wanted if here.get(each.name) == each.size]
            self._fetches.fetched(whole, self.clock.now().mono_s)
        if watched.done() and not watched.cancelled():
            raise NotToldError("too_large", f"it sends over {2 * TOTAL_MAX >> 20} MiB: more than it had listed")
        if process.returncode == -signal.SIGXFSZ:
            raise NotToldError(
                "too_large", f"it sends a file of over {FILE_MAX >> 20} MiB, which it had listed as less"
            )
        if process.returncode:
            raise NotToldError("no_answer", f"sftp {self._said.host}: {await told or process.returncode}")

    async def _talk(self, process: Process) -> list[Listed]:
        """Asks what is there and then for what is wanted of it, which it gives."""
        said = self._said
        assert process.stdin is not None
        process.stdin.write(f'lcd "{self._fetched}"\ncd "{said.folder}"\nls -lnt {said.pattern}\nlpwd\n'.encode())
        listed = read_listing(await _lines(process))
        chosen = self._fetches.choose(listed, await asyncio.to_thread(self._here), self.clock.now().mono_s)
        for aside in chosen.asides:
            self.aside(aside)
        if listed:
            await asyncio.to_thread(self._keep_only, chosen.stay)
        gets = "".join(
            f'get -p "{each.name}"\n' for each in chosen.fetch
        )  # -p keeps the time, by which a file is known
        with contextlib.suppress(ConnectionError):  # it has ended, and says why
            process.stdin.write(f"{gets}bye\n".encode())
            await process.stdin.drain()
            process.stdin.close()
        await _lines(process)
        return chosen.fetch

    def _command(self) -> list[str]:
        said = self._said
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self._beside / said.known_hosts),
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": str(round(min(said.timeout_s, 30))),
        }
        arguments = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        arguments += ["-P", str(said.port), "-i", str(self._beside / said.key_file), "-b", "-"]
        return ["sftp", *arguments, f"{said.user}@{said.host}"]

    async def _watch_size(self, process: Process) -> None:
        """Ends when it is too much, and the program with it."""
        while True:
            if sum((await asyncio.to_thread(self._here)).values()) > 2 * TOTAL_MAX:
                process.kill()
                return
            await asyncio.sleep(_LOOK_S)

    def _here(self) -> dict[str, int]:
        found = {}
        for path in self._fetched.iterdir():
            with contextlib.suppress(OSError):
                found[path.name] = path.stat().st_size
        return found

    def _keep_only(self, names: set[str]) -> None:
        for path in self._fetched.iterdir():
            if path.name not in names:
                path.unlink(missing_ok=True)


async def _lines(process: Process) -> list[str]:
    """Up to the mark or the end; a line that is too long is left out, and so is what comes after too many."""
    assert process.stdout is not None
    lines: list[str] = []
    while True:
        try:
            line = (await process.stdout.readline()).decode("utf-8", "replace")
        except ValueError:
            continue
        if not line or line.startswith(_LISTED):
            return lines
        if len(lines) < _LINES_MAX:
            lines.append(line)


async def _last_words(process: Process) -> str:
    """The end of what it said of errors."""
    assert process.stderr is not None
    said = b""
    while piece := await process.stderr.read(_LINE_MAX):
        said = (said + piece)[-_LINE_MAX:]
    return said.decode("utf-8", "replace").strip().replace("\n", "; ")[-_SAID_MAX:]


def _environment() -> dict[str, str]:
    """Names of files are told in UTF-8, not in escapes."""
    return os.environ | {"LC_ALL": "C.UTF-8"}
