"""When each device is asked: at its interval with jitter, so many at once, and never twice at a time."""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections.abc import Awaitable, Callable

from edge.allowed import NotAllowedError
from edge.probing import Answer
from edge.watchlist import NOTHING, Watched, Watchlist
from shouwang.clock import Clock

_log = logging.getLogger("edge.schedule")

AT_ONCE = 16
JITTER = 0.05
_GRACE_S = 0.5
_IDLE_S = 60.0
_SPREAD_S = 5.0

Took = Callable[[Watched, Answer, float], Awaitable[None]]
"""Is given each answer and when it was taken (monotonic seconds)."""


class CannotAskError(Exception):
    """A device that this agent cannot or may not ask; the message says why."""


class Schedule:
    """Asks the devices of a watchlist for ever. A device that hangs holds up nobody but itself."""

    def __init__(self, took: Took, clock: Clock, *, chance: random.Random | None = None) -> None:
        self._took = took
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311
        self._list: Watchlist = NOTHING
        self._due: list[tuple[float, str]] = []
        self._asking: dict[str, asyncio.Task[Answer]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._changed = asyncio.Event()
        self.late = 0  # probes left out because the one before was still under way

    def watch(self, watchlist: Watchlist) -> None:
        """From now on these. Devices that stay as they were keep their turn."""
        now_s = self._clock.now().mono_s
        old, self._list = self._list, watchlist
        kept = {
            device: due_s
            for due_s, device in self._due
            if device in watchlist.devices and device in old.devices and self._same(device, old)
        }
        # The first round is spread a little, so that a restart does not ask all in a crowd.
        self._due = [
            (
                kept.get(device, now_s + self._chance.uniform(0, min(each.interval_s, _SPREAD_S))),
                device,
            )
            for device, each in watchlist.devices.items()
            if each.probe is not None
        ]
        heapq.heapify(self._due)
        self._changed.set()

    def _same(self, device: str, old: Watchlist) -> bool:
        return old.devices[device].interval_s == self._list.devices[device].interval_s

    async def run(self) -> None:
        """Until cancelled; what is under way then is given up."""
        try:
            while True:
                self._changed.clear()
                now_s = self._clock.now().mono_s
                while self._due and self._due[0][0] <= now_s:
                    due_s, device = heapq.heappop(self._due)
                    self._begin(device, due_s, now_s)
                pause_s = min(_IDLE_S, max(0.0, self._due[0][0] - now_s)) if self._due else _IDLE_S
                try:
                    async with asyncio.timeout(pause_s):
                        await self._changed.wait()
                except TimeoutError:
                    pass
        finally:
            for task in self._asking.values():
                task.cancel()
            await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def ask_now(self, device: str) -> Answer:
        """An answer of this very moment ("probe now"). Raises KeyError for a device that is not on the list,
        CannotAskError for one that cannot be asked."""
        watched = self._list.devices[device]
        if watched.probe is None:
            raise CannotAskError(watched.problem or f"{device} speaks of its own accord; it cannot be asked")
        return await asyncio.shield(self._start(watched))

    def watched(self, device: str) -> Watched:
        """A device of the list. Raises KeyError."""
        return self._list.devices[device]

    def _begin(self, device: str, due_s: float, now_s: float) -> None:
        watched = self._list.devices[device]
        interval_s = watched.interval_s
        next_s = due_s + interval_s * self._chance.uniform(1 - JITTER, 1 + JITTER)
        if next_s <= now_s:  # the machine slept, or is overloaded: go on from here, do not make up for it
            next_s = now_s + interval_s
        heapq.heappush(self._due, (next_s, device))
        if device in self._asking:
            self.late += 1
        else:
            self._start(watched)

    def _start(self, watched: Watched) -> asyncio.Task[Answer]:
        running = self._asking.get(watched.device)
        if running is None:
            running = asyncio.get_running_loop().create_task(self._ask(watched))
            self._asking[watched.device] = running
            running.add_done_callback(lambda task: self._done(watched.device, task))
        return running

    def _done(self, device: str, task: asyncio.Task[Answer]) -> None:
        self._asking.pop(device, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, CannotAskError):
                _log.warning("cannot be asked device=%s reason=%r", device, str(error))
            else:
                _log.error("asking failed device=%s", device, exc_info=error)

    async def _ask(self, watched: Watched) -> Answer:
        assert watched.probe is not None
        async with self._slots:
            try:
                async with asyncio.timeout(watched.timeout_s + _GRACE_S):
                    answer = await watched.probe.ask(watched.timeout_s)
            except TimeoutError:
                answer = Answer(False, reason=f"no answer within {watched.timeout_s:g} s")
            except (NotAllowedError, PermissionError) as error:
                # The device is not down: it cannot be asked. It will be silent, and the reason stands in the log.
                raise CannotAskError(str(error)) from error
            taken_s = self._clock.now().mono_s
        await self._took(watched, answer, taken_s)
        return answer
