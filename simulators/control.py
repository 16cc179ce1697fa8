"""A running simulation listens on a Unix socket: scenarios can be begun, and what happens is told to whoever is there.

Lines of JSON. Asked: `{"play": "power_cut_township"}`, `{"random": 7}`. Answered: `{"ok": true}` or
`{"ok": false, "reason": "…"}`. Told, unasked: `{"happened": {"at_s": …, "fault": …, "began": …, "zh": …, "en": …}}`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec

_LINE_MAX = 65_536
_BEHIND_MAX_BYTES = 1 << 20
ANSWER_WITHIN_S = 5.0


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    play: str = ""
    random: int | None = None


class Happened(msgspec.Struct):
    """A fault began or ended, in words."""

    at_s: float
    fault: str
    began: bool
    zh: str
    en: str


class Told(msgspec.Struct, omit_defaults=True):
    ok: bool | None = None
    reason: str = ""
    happened: Happened | None = None


class ControlServer:
    """`play` and `random` give '' or why it cannot be done."""

    def __init__(self, path: Path, play: Callable[[str], str], random: Callable[[int], str]) -> None:
        self._path = path
        self._play = play
        self._random = random
        self._listening: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begins to listen; only this user may connect."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_LINE_MAX)
        self._path.chmod(0o600)

    def tell(self, happened: Happened) -> None:
        """Tells all who are connected; one who does not read is let go."""
        line = msgspec.json.encode(Told(happened=happened)) + b"\n"
        for writer in list(self._listening):
            if writer.transport.get_write_buffer_size() > _BEHIND_MAX_BYTES:
                self._listening.discard(writer)
                writer.transport.abort()
            else:
                writer.write(line)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._listening):
            writer.transport.abort()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._listening.add(writer)
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(self._answer(line)) + b"\n")
                await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):  # gone, a line without end, or our own end
            pass
        finally:
            self._listening.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> Told:
        try:
            asked = msgspec.json.decode(line, type=Asked)
        except msgspec.MsgspecError as error:
            return Told(ok=False, reason=str(error))
        if asked.play:
            reason = self._play(asked.play)
        elif asked.random is not None:
            reason = self._random(asked.random)
        else:
            reason = 'nothing asked: say {"play": NAME} or {"random": SEED}'
        return Told(ok=not reason, reason=reason)


class Control:
    """The other end: what the demo uses. Open it with `async with Control.connect(path)`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answers: asyncio.Queue[Told] = asyncio.Queue()
        self._lock = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, path: Path) -> AsyncIterator[Control]:
        """Raises OSError when nobody listens there."""
        reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_MAX)
        try:
            yield cls(reader, writer)
        finally:
            writer.close()

    async def happenings(self) -> AsyncIterator[Happened]:
        """What happens, until the simulation ends. One task must read them: answers come through it too."""
        while line := await self._reader.readline():
            told = msgspec.json.decode(line, type=Told)
            if told.happened is not None:
                yield told.happened
            else:
                self._answers.put_nowait(told)

    async def play(self, name: str) -> str:
        """Begins a scenario; gives '' or why it cannot."""
        return await self._ask({"play": name})

    async def _ask(self, asked: dict[str, Any]) -> str:
        async with self._lock:
            self._writer.write(msgspec.json.encode(asked) + b"\n")
            try:
                answer = await asyncio.wait_for(self._answers.get(), ANSWER_WITHIN_S)
            except TimeoutError:
                return "the simulation does not answer"
            return "" if answer.ok else answer.reason or "refused"
