"""Taking decisions to the ledger: as soon as there are any, one write at a time, again and again until it is done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from collector.decisions import Decisions
from collector.record import Record
from shouwang import clock
from shouwang.log import get_logger

log = get_logger("collector.ledger")

POSITION_EVERY_S = 5.0
_RETRY_MIN_S, _RETRY_MAX_S = 0.2, 5.0
FAILING_AFTER_S = 10.0


class Ledgering:
    """The only writer of what the collector decides.

    `take` gives what is pending; `written` is told once it is on disk, with the ids of notifications now owed.
    """

    def __init__(
        self, record: Record, take: Callable[[], Decisions], written: Callable[[Decisions, list[str]], None]
    ) -> None:
        self._record = record
        self._take = take
        self._written = written
        self._wanted = asyncio.Event()
        self._failing_since_s: float | None = None
        self.trouble = ""
        self.under_way: Decisions | None = None

    def poke(self) -> None:
        """There is something to write."""
        self._wanted.set()

    @property
    def failing_s(self) -> float:
        """For how long the ledger has taken nothing; 0 while it does."""
        since = self._failing_since_s
        return 0.0 if since is None else clock.mono_s() - since

    @property
    def failing(self) -> bool:
        """The ledger has not taken anything for a while."""
        return self.failing_s > FAILING_AFTER_S

    async def run(self) -> None:
        """Until cancelled."""
        last_s = 0.0
        while True:
            with contextlib.suppress(TimeoutError):  # wait_for loses a cancellation that comes as the event is set
                async with asyncio.timeout(POSITION_EVERY_S):
                    await self._wanted.wait()
            self._wanted.clear()
            decided = self._take()
            if decided.partial:
                self.poke()
            if decided.anything or clock.mono_s() - last_s >= POSITION_EVERY_S:
                await self._write(decided)
                last_s = clock.mono_s()

    async def finish(self, within_s: float) -> bool:
        """One last write of all that is pending; False when the ledger did not take it in time."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    decided = self._take()
                    await self._write(decided)
                    if not decided.partial:
                        break
        except TimeoutError:
            return False
        return True

    async def _write(self, decided: Decisions) -> None:
        delay_s = _RETRY_MIN_S
        self.under_way = decided
        while True:
            try:
                owed = await asyncio.to_thread(self._record.write, decided, clock.wall_ms())
            except (SQLAlchemyError, OSError) as error:
                if self._failing_since_s is None:
                    self._failing_since_s = clock.mono_s()
                    log.error("the ledger does not take what was decided; trying again", error=str(error)[:500])
                self.trouble = str(error)[:500]
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, _RETRY_MAX_S)
                continue
            if self._failing_since_s is not None:
                log.info("the ledger takes decisions again", after_s=round(clock.mono_s() - self._failing_since_s, 1))
                self._failing_since_s, self.trouble = None, ""
            self.under_way = None
            self._written(decided, owed)
            return
