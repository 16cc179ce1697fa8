"""The outside heartbeat: only while the watch is well, and through whatever the other side does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from collector.heartbeat import Heartbeat
from shouwang.settings import load
from tests.notify.receiver import Receiver, Reply
from tests.waiting import until


class Watch:
    well = True


@asynccontextmanager
async def beating(url: str, watch: Watch) -> AsyncIterator[Heartbeat]:
    settings = load(env={}, flags={"heartbeat.url": url}).settings
    fast = settings.model_copy(update={"heartbeat": settings.heartbeat.model_copy(update={"every_s": 0.05})})
    heartbeat = Heartbeat(fast, lambda: watch.well)
    task = asyncio.create_task(heartbeat.run())
    try:
        yield heartbeat
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_it_beats_while_the_watch_is_well_and_is_silent_while_it_is_not() -> None:  # fault 5
    watch = Watch()
    async with Receiver(Reply()) as outside, beating(outside.url, watch):
        await until(lambda: len(outside.requests) >= 3, "beats")
        watch.well = False
        seen = len(outside.requests)
        await asyncio.sleep(0.3)  # six times its interval
        assert len(outside.requests) <= seen + 1
        watch.well = True
        await until(lambda: len(outside.requests) >= seen + 3, "beats again")


async def test_an_outside_that_fails_is_beaten_again() -> None:
    async with Receiver(Reply(500), Reply(reset=True), Reply()) as outside, beating(outside.url, Watch()):
        await until(lambda: len(outside.requests) >= 5, "beats after failures")


async def test_without_an_address_there_is_nothing_to_do() -> None:
    await asyncio.wait_for(Heartbeat(load(env={}).settings, lambda: True).run(), 1)
