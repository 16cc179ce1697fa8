"""What a device said of its own accord goes on: an event to the disk at once, a reading with the next row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from edge.gathering import Gathering
from edge.hearing import Heard
from edge.rows import Event, Reading
from shouwang.kinds import Kind

_log = logging.getLogger("edge.onward")


class Onward:
    """`keep` writes an event to the outbox."""

    def __init__(
        self, kinds: Mapping[str, Kind], keep: Callable[[Event], Awaitable[Any]], gathering: Gathering
    ) -> None:
        self._kinds, self._keep, self._gathering = kinds, keep, gathering
        self._keeping: set[asyncio.Task[bool]] = set()

    def pass_on(self, heard: Heard, device: str, kind: str, interval_s: float) -> Awaitable[bool] | None:
        """Under the name by which the device is reported; what its kind does not have is left out. Gives what tells
        whether an event is kept; None where there is none."""
        told: asyncio.Task[bool] | None = None
        if heard.event:
            event = Event(device, kind, heard.event, heard.at_s, heard.detail, repeat=heard.repeat)
            told = asyncio.get_running_loop().create_task(self._tell(event))
            self._keeping.add(told)
            told.add_done_callback(self._keeping.discard)
        if heard.fields:
            known = self._kinds[kind].fields
            fields = {name: value for name, value in heard.fields.items() if name in known}
            self._gathering.take(Reading(device, kind, heard.at_s, fields), interval_s)
        return told

    async def settle(self) -> None:
        """Before the end: every event that was heard is kept, or is said not to be."""
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _tell(self, event: Event) -> bool:
        try:
            await self._keep(event)
        except Exception:
            _log.exception("an event could not be kept device=%s event=%s", event.device, event.event)
            return False
        return True
