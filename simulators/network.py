"""A network that fails, doubles messages and mixes up their order, between a real uplink and the real broker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

from edge.outbox import Outbox
from edge.uplink import Login, Uplink
from shouwang.mqtt import Puback
from simulators.faults import Fault

KEEPALIVE_S = 20
"""At any speed: hundreds of agents share one process, and a machine that is busy for a moment must not cost their
connections. Lines that are cut end at once, so nothing waits for it."""
HELD_BACK_S = 30.0
"""The longest that a message is held back, in simulated seconds: two beats of an agent, so that later ones overtake it,
and short enough that neither its centre's limit (60 s) nor that of a call terminal runs out by it."""


class SimulatedUplink(Uplink):
    """An uplink whose line can be cut, and whose messages may be published twice, or after later ones."""

    def __init__(self, login: Login, outbox: Outbox, *, chance: Random, speed: float = 1.0, **rest: Any) -> None:
        super().__init__(login, outbox, speed=speed, **rest)
        self._client.options = replace(self._client.options, keepalive_s=KEEPALIVE_S)
        self._chance = chance
        self._longest_s = HELD_BACK_S / speed
        self._disorder: Fault | None = None
        self.doubled = self.held_back = 0

    def follow(self, disorder: Fault | None) -> None:
        """From now on with this fault, or without."""
        self._disorder = disorder

    async def cut(self) -> None:
        """The line is gone, without a goodbye, and stays so: the broker publishes the will."""
        self._client.drop()
        await self._client.close()

    def mend(self) -> None:
        """The line is back: it connects as soon as it can."""
        self._client.start()

    def _publish(self, is_event: bool, payload: bytes) -> asyncio.Future[Puback]:
        disorder = self._disorder
        if disorder is None:
            return super()._publish(is_event, payload)
        loop = asyncio.get_running_loop()
        if self._chance.random() < disorder.setting("doubled"):
            self.doubled += 1
            loop.call_later(self._chance.uniform(0, self._longest_s), self._once_more, is_event, payload)
        if self._chance.random() >= disorder.setting("held_back"):
            return super()._publish(is_event, payload)
        self.held_back += 1
        answer: asyncio.Future[Puback] = loop.create_future()
        loop.call_later(self._chance.uniform(0, self._longest_s), self._late, is_event, payload, answer)
        return answer

    def _once_more(self, is_event: bool, payload: bytes) -> None:
        super()._publish(is_event, payload)

    def _late(self, is_event: bool, payload: bytes, answer: asyncio.Future[Puback]) -> None:
        super()._publish(is_event, payload).add_done_callback(
            lambda published: None if answer.done() else answer.set_result(published.result())
        )
