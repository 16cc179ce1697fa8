"""The fallbacks' view of the agent's uplink: which calls are not acknowledged, and how to go another way."""

from __future__ import annotations

from pathlib import Path

from edge.fallback.file import SecondUplink
from edge.fallback.running import Call, call_of
from edge.outbox import Outbox
from edge.rows import Event, Row, age_when_sent_ms
from edge.uplink import Uplink
from shouwang.clock import Clock
from shouwang.dial import tls_context
from shouwang.mqtt import split_url

_NEWEST = 4_096
"""More than a device in distress, or one that is broken, tells in an hour; what is older is not shouted about."""


class UplinkLine:
    """Fits `Line`."""

    def __init__(self, uplink: Uplink, outbox: Outbox, clock: Clock) -> None:
        self._uplink, self._outbox, self._clock = uplink, outbox, clock
        self._first = uplink.login

    async def unheard_calls(self) -> list[Call]:
        """Oldest first."""
        rows = await self._uplink.dispatch.unheard_events(_NEWEST)
        return [call_of(row.body, self._age_ms(row)) for row in rows]

    async def event(self, event: Event) -> Row:
        return await self._uplink.event(event)

    def leave_by(self, way: SecondUplink | None) -> None:
        """None: the first way again."""
        if way is None:
            self._uplink.leave_by(self._first)
            return
        url = way.broker or self._first.url
        tls = self._first.tls
        if split_url(url)[2] and (way.ca_file or tls is None):
            tls = tls_context(Path(way.ca_file) if way.ca_file else None)
        self._uplink.leave_by(self._first.at(url, tls), way.source)

    def _age_ms(self, row: Row) -> int | None:
        now = self._clock.now()
        try:
            state = self._outbox.state_of(row.boot)
        except KeyError:
            return None
        return age_when_sent_ms(row, state, self._outbox.machine, round(now.mono_s * 1000), now.wall_ms)
