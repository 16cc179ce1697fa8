"""How fast a LAN is looked at: so many questions at once and in a second, so that a village's router bears it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from shouwang.clock import Clock

AT_ONCE = 256
PER_SECOND = 500

Item = TypeVar("Item")


class Pace:
    """Hands work out to at most `at_once` workers, `per_second` of it begun in a second."""

    def __init__(self, clock: Clock, at_once: int = AT_ONCE, per_second: float = PER_SECOND) -> None:
        self._clock = clock
        self._at_once = at_once
        self._every_s = 1 / per_second
        self._next_s = 0.0

    async def each(self, items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
        """Does `work`, which catches what goes wrong with its item, for all items; taken as they are needed."""
        waiting = iter(items)

        async def worker() -> None:
            for item in waiting:
                await self._turn()
                await work(item)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(worker())

    async def _turn(self) -> None:
        now_s = self._clock.now().mono_s
        at_s = max(self._next_s, now_s)
        self._next_s = at_s + self._every_s
        if at_s > now_s:
            await asyncio.sleep(at_s - now_s)
