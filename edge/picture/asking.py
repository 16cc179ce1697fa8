"""The agent's side of the picture checks: starts the child, asks it, ends it when it hangs, starts it anew."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.picture.messages import Asked, Told
from shouwang.clock import Clock

_log = logging.getLogger("edge.picture")

NEEDED = ("av", "numpy")
_GRACE_S = 4.0  # beyond a look's budget, the child is taken to hang
_LINE_BYTES_MAX = 65_536
_PAUSE_S = 5.0
_PAUSE_MAX_S = 600.0
_DECODER = msgspec.json.Decoder(Told)


class NoPictureError(Exception):
    """A look that gave nothing through no fault of the camera; the message says what to do."""


class PictureAsker:
    """One child for all cameras of an agent; it runs from the first look on. `close` ends it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Told]] = {}
        self._failures = 0
        self._not_before_s = 0.0
        self._heard_s = 0.0
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return None if self._process is None else self._process.pid

    async def look(self, make: Callable[[int], Asked]) -> Told:
        """What the child says to `make(id)`. Raises NoPictureError when it died, hung or cannot run."""
        process = await self._running()
        asked = make(next(self._ids))
        waiting: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting[asked.id] = waiting
        assert process.stdin is not None
        try:
            process.stdin.write(msgspec.json.encode(asked) + b"\n")
            await process.stdin.drain()
            # Three looks run at once, the rest wait in the child: the limit counts from the last answer of any.
            while True:
                before = self._heard_s
                done, _ = await asyncio.wait([waiting], timeout=asked.budget_s + _GRACE_S)
                if done:
                    break
                if self._heard_s == before:
                    self._end(process, f"nothing came from it for {asked.budget_s + _GRACE_S:g} s")
                    raise NoPictureError("the picture check hung and was started anew")
            told = waiting.result()
        except (ConnectionError, OSError) as error:
            raise NoPictureError("the picture check ended and is started anew") from error
        finally:
            self._waiting.pop(asked.id, None)
        self._failures = 0
        return told

    def close(self) -> None:
        """Ends the child."""
        if self._process is not None:
            self._end(self._process, "")

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return self._process
            missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
            if missing:
                raise NoPictureError(
                    f"pictures are not checked: {', '.join(missing)} not installed (requirements/pictures.txt)"
                )
            now_s = self._clock.now().mono_s
            if now_s < self._not_before_s:
                raise NoPictureError(
                    f"the picture check failed; it is tried again in {self._not_before_s - now_s:.0f} s"
                )
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "edge.picture.child",
                str(self._directory.absolute()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LINE_BYTES_MAX,
                env=_environment(),
                start_new_session=True,
            )
            self.starts += 1
            self._heard_s = now_s
            self._reading = asyncio.create_task(self._read(self._process))
            _log.info("picture check started pid=%d", self._process.pid)
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError, OSError, msgspec.MsgspecError):
            while line := await process.stdout.readline():
                told = _DECODER.decode(line)
                self._heard_s = self._clock.now().mono_s
                waiting = self._waiting.get(told.id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
        if process is self._process:
            self._end(process, "it ended")
            await process.wait()

    def _end(self, process: asyncio.subprocess.Process, why: str) -> None:
        if process is not self._process:
            return
        self._process = None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process._transport.close()  # type: ignore[attr-defined]  # the loop may end before it sees the child's end
        if why:
            pause_s = min(_PAUSE_MAX_S, _PAUSE_S * 2**self._failures)
            self._failures += 1
            self._not_before_s = self._clock.now().mono_s + pause_s
            _log.warning("picture check lost reason=%r cameras_waiting=%d", why, len(self._waiting))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoPictureError("the picture check ended and is started anew"))


def _environment() -> dict[str, str]:
    """Nothing of ours but where the code is: no secret of the agent's environment is within a decoder's reach."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OPENBLAS_NUM_THREADS": "1"}
