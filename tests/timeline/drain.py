"""Agents that watch nothing: they send what others left in their outboxes, until all of it is acknowledged."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from edge.outbox import Outbox
from edge.uplink import Login, Uplink
from shouwang.clock import SystemClock
from tests.timeline.product import REGION, SPEED


async def drain(outboxes: Sequence[tuple[str, Path]], broker_url: str, within_s: float) -> None:
    """`outboxes`: path of the agent, file. Raises TimeoutError with what is left."""
    clock = SystemClock()
    opened = [Outbox(file, clock.now()) for _, file in outboxes]
    uplinks = [
        Uplink(Login(broker_url, REGION, path), outbox, speed=SPEED)
        for (path, _), outbox in zip(outboxes, opened, strict=True)
    ]

    def left() -> int:
        return sum(outbox.pending().events + outbox.pending().reports for outbox in opened)

    try:
        for uplink in uplinks:
            await uplink.start()
        async with asyncio.timeout(within_s):
            while left():  # noqa: ASYNC110  (what acknowledges is another process)
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise TimeoutError(f"{left()} rows are not acknowledged after {within_s} s") from None
    finally:
        for uplink in uplinks:
            await uplink.stop()
        for outbox in opened:
            outbox.close()
