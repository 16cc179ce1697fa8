"""Fetches CSV files from a server by the `sftp` of OpenSSH into a folder of its own, and takes them from there.

No library: asyncssh is EPL-2.0, paramiko LGPL-2.1; OpenSSH is on every machine that has a key to a bank's server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.feed.mapping import Files, Sftp
from edge.feed.sources.files import FolderSource
from edge.feed.sources.source import NotToldError, Source, Take
from shouwang.clock import Clock

_SAID_MAX = 300


class SftpSource(Source):
    """What is fetched stays in `fetched/` of the state directory; files unchanged at the server are fetched again, and
    not taken again."""

    def __init__(self, said: Sftp, beside: Path, state: Path, find: Callable[[Any], list[Any]], clock: Clock) -> None:
        super().__init__(find, clock)
        self._said, self._beside = said, beside
        self._fetched = state / "fetched"
        for word in (said.host, said.user, said.folder, said.pattern):
            if word.startswith("-") or any(c in word for c in '\n\r"\\'):
                raise ValueError(f"source: {word!r}: no quotes, line breaks or a leading -")
        files = Files(folder=str(self._fetched), pattern=said.pattern, encoding=said.encoding, delimiter=said.delimiter)
        self._folder = FolderSource(files, Path(), state, find, clock)

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
        said = self._said
        self._fetched.mkdir(parents=True, exist_ok=True)
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
        process = await asyncio.create_subprocess_exec(
            "sftp",
            *arguments,
            f"{said.user}@{said.host}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        # -p keeps the time of change, by which a file is known.
        batch = f'lcd "{self._fetched}"\ncd "{said.folder}"\nget -p {said.pattern}\n'
        try:
            async with asyncio.timeout(said.timeout_s):
                _, told = await process.communicate(batch.encode())
        except TimeoutError:
            raise NotToldError("no_answer", f"sftp did not end within {said.timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            text = told.decode("utf-8", "replace").strip().replace("\n", "; ")[-_SAID_MAX:]
            raise NotToldError("no_answer", f"sftp {said.host}: {text or process.returncode}")
