"""Tells somebody outside, each minute, that the watch is well; when that stops, they tell people (so healthchecks).

So a dead host, a dead network and a collector that hears nothing are told by another route than ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from shouwang.log import get_logger
from shouwang.settings import Settings

log = get_logger("heartbeat")

TIMEOUT_S = 10.0
LOOK_EVERY_S = 1.0


class Heartbeat:
    """Await `run()`. `well()` says whether the watch ticks and hears now; while it does not, nobody is told it did."""

    def __init__(self, settings: Settings, well: Callable[[], bool]) -> None:
        url = settings.heartbeat.url
        self._url = None if url is None else url.get_secret_value()
        self._every_s = settings.heartbeat.every_s
        self._well = well
        self._failing = False

    async def run(self) -> None:
        """Until cancelled; ends at once where no address is configured."""
        if self._url is None:
            return
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
            while True:
                if self._well():
                    await self._beat(client, self._url)
                    await asyncio.sleep(self._every_s)
                else:
                    await asyncio.sleep(min(LOOK_EVERY_S, self._every_s))

    async def _beat(self, client: httpx.AsyncClient, url: str) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await client.get(url)
            trouble = "" if answer.is_success else f"status {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            trouble = type(error).__name__  # its text may hold the address, which is a secret
        if trouble and not self._failing:
            log.warning("the outside heartbeat is not taken", trouble=trouble)
        elif self._failing and not trouble:
            log.info("the outside heartbeat is taken again")
        self._failing = bool(trouble)
