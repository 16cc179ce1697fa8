"""A centre's devices put up together, spoken for at their intervals, unplugged and plugged in again one by one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from random import Random
from typing import Self

from simulators.centre.plan import Standing
from simulators.centre.stands import SPEAKS_EVERY_S, Stand

_log = logging.getLogger("simulators.centre")


class SimulatedCentre:
    """`speed` divides the intervals at which devices speak of their own accord."""

    def __init__(self, stood: Sequence[Standing], *, speed: float = 1.0, seed: int = 1) -> None:
        self._every_s = SPEAKS_EVERY_S / speed
        self._chance = Random(seed)
        self._stands: dict[str, Stand] = {}
        for each in stood:
            if each.make is not None:
                self._stands[each.device.device] = each.make()
        self._up: dict[str, asyncio.Task[None] | None] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Puts all of them up. Raises OSError, naming the device whose port is taken; those before it stand."""
        for device in self._stands:
            try:
                await self.plug(device)
            except OSError as error:
                raise OSError(error.errno, f"{device}: {error.strerror or error}") from error

    async def stop(self) -> None:
        for device in list(self._up):
            await self.unplug(device)

    @property
    def devices(self) -> list[str]:
        """Those that can be unplugged."""
        return list(self._stands)

    async def plug(self, device: str) -> None:
        """Raises KeyError for a device that is not here."""
        stand = self._stands[device]
        if device in self._up:
            return
        await stand.put_up()
        self._up[device] = asyncio.get_running_loop().create_task(self._speak(device, stand))

    async def unplug(self, device: str) -> None:
        speaking = self._up.pop(device, None)
        if speaking is not None:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
        await self._stands[device].unplug()

    def call_for_help(self, device: str) -> bool:
        """Presses a button; False where there is none."""
        return self._stands[device].call_for_help()

    def mains(self, on: bool) -> None:
        """The power of the whole centre; what has a battery says so."""
        for stand in self._stands.values():
            stand.mains(on)

    def trouble(self, device: str, word: str) -> None:
        """Makes one fail without unplugging it; an empty word makes it well."""
        self._stands[device].trouble(word)

    async def _speak(self, device: str, stand: Stand) -> None:
        if type(stand).speak is Stand.speak:
            return
        await asyncio.sleep(self._chance.uniform(0, min(1.0, self._every_s)))
        while True:
            try:
                await stand.speak()
            except OSError as error:
                _log.warning("device=%s could not speak reason=%r", device, str(error))
            await asyncio.sleep(self._every_s * self._chance.uniform(0.9, 1.1))
