"""Gathers readings into rows: a row every few seconds, at once when a device has changed. Fewer rows spare the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from edge.rows import READINGS_A_ROW, Reading

_log = logging.getLogger("edge.gathering")

EVERY_S = 10.0
"""At most so long, and no longer than a quarter of the device's interval: what lags is taken for silence."""
AT_ONCE_S = 0.3
"""What has changed goes after this: what changed with it goes along."""
_FAILURES_AT_ONCE = 5
"""A device that does not answer is told at once so many times in a row: long enough to be counted as down."""
_HELD_MAX = 5_000


class Gathering:
    """Holds readings until they are kept. `keep` writes them to the outbox; `also` gets each at once, and must not
    wait."""

    def __init__(
        self, keep: Callable[[Sequence[Reading]], Awaitable[Any]], also: Callable[[Reading], None] | None = None
    ) -> None:
        self._keep, self._also = keep, also
        self._held: list[Reading] = []
        self._last: dict[str, tuple[Any, ...]] = {}
        self._failures: dict[str, int] = {}
        self._due_s: float | None = None
        self._woken = asyncio.Event()
        self.dropped = 0

    def take(self, reading: Reading, interval_s: float = 60.0) -> None:
        """Holds a reading, for a moment or for a few seconds."""
        if len(self._held) >= _HELD_MAX:
            del self._held[0]
            self.dropped += 1
        self._held.append(reading)
        if self._also is not None:
            self._also(reading)
        urgent = self._changed(reading) or len(self._held) >= READINGS_A_ROW
        wait_s = min(AT_ONCE_S if urgent else EVERY_S, interval_s / 4)
        due_s = asyncio.get_running_loop().time() + wait_s
        if self._due_s is None or due_s < self._due_s:
            self._due_s = due_s
            self._woken.set()

    async def run(self) -> None:
        """Until cancelled; `flush` then writes the rest."""
        loop = asyncio.get_running_loop()
        while True:
            self._woken.clear()
            if self._due_s is not None and self._due_s <= loop.time():
                try:
                    await self.flush()
                except Exception:
                    _log.exception("readings could not be kept; they are held and tried again")
                    self._due_s = loop.time() + 1
                continue
            try:
                async with asyncio.timeout(None if self._due_s is None else self._due_s - loop.time()):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def flush(self) -> None:
        """Writes what is held. Raises what `keep` raises, and then holds it still."""
        held, self._held = self._held, []
        self._due_s = None
        if not held:
            return
        try:
            await self._keep(held)
        except BaseException:
            self._held = (held + self._held)[-_HELD_MAX:]
            raise

    def _changed(self, reading: Reading) -> bool:
        # Numbers waver; a yes, a no or a word that is another one is news.
        now = tuple((name, value) for name, value in reading.fields.items() if isinstance(value, bool | str))
        before = self._last.get(reading.device)
        self._last[reading.device] = now
        failed = reading.fields.get("reachable") is False
        failures = self._failures[reading.device] = self._failures.get(reading.device, 0) + 1 if failed else 0
        return before != now or 0 < failures <= _FAILURES_AT_ONCE
