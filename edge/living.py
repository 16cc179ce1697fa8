"""How a process of the edge lives, an agent's or a feed's: its parts run together until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from edge.outbox import Outbox
from edge.uplink import Uplink
from shouwang import sd_notify

_WATCHDOG_S = 5.0
_LOOK_AFTER_S = 30.0


async def live(parts: Iterable[Coroutine[Any, Any, None]], stopping: asyncio.Event) -> None:
    """Runs the parts until `stopping` is set; none runs when it returns. A part that ends by itself has failed: what it
    raised is raised, so that the process is started anew."""
    running = [asyncio.create_task(part) for part in (*parts, _feed_watchdog())]
    sd_notify.notify("READY=1")
    told = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait([told, *running], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        sd_notify.notify("STOPPING=1")
        for task in (told, *running):
            task.cancel()
        await asyncio.gather(told, *running, return_exceptions=True)


async def look_after(uplink: Uplink, outbox: Outbox) -> None:
    """Until cancelled: goes back to the disk when that is well again, and says what had to be given up."""
    while True:
        await asyncio.sleep(_LOOK_AFTER_S)
        with contextlib.suppress(OSError):
            if outbox.trouble:
                await uplink.dispatch.work(outbox.retry_disk)
            await uplink.tell_lost()


async def until_told(run: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], None]) -> None:
    """Runs until SIGTERM or SIGINT, which `stop` is called for."""
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, stop)
    await run()


async def _feed_watchdog() -> None:
    while True:
        sd_notify.notify("WATCHDOG=1")
        await asyncio.sleep(_WATCHDOG_S)
