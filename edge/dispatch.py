"""What goes out next: events, then what is fresh, then history, oldest first; and when it goes once more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from edge.flight import Flight, Pace
from edge.outbox import Outbox, Pending
from edge.rows import Event, Reading, Row, age_when_sent_ms, message
from shouwang.clock import Clock
from shouwang.messages import Lost
from shouwang.mqtt import LOST, Puback
from shouwang.ranges import Ranges

_log = logging.getLogger("edge.uplink")

_EVENTS_AT_ONCE = 64
_AGAIN_AT_ONCE = 8
_HISTORY_UNCONFIRMED_MAX = 4
"""History goes only while the broker has so few rows unconfirmed: an event then waits behind no more than these."""
_IDLE_S = 30.0

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")

Publish = Callable[[bool, bytes], "asyncio.Future[Puback]"]
"""Publishes an event (True) or a report on this agent's topic."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How the outbox stands: what is not acknowledged, and what had to be given up, for each boot."""

    pending: Pending
    lost: dict[str, Lost]
    bytes_used: int


class Dispatch:
    """Moves rows from the outbox to the broker while there is a connection. All on one loop; the outbox's work goes to
    `executor`, which must have one thread (many agents may share it), or is done on the loop where there is none."""

    def __init__(
        self,
        outbox: Outbox,
        publish: Publish,
        clock: Clock,
        *,
        pace: Pace | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._outbox = outbox
        self._publish = publish
        self._clock = clock
        self._executor = executor
        self._pace = pace or Pace()
        self._flight = Flight(self._pace)
        self._wake = asyncio.Event()
        self._connected = False
        self._unconfirmed = 0
        self._fresh: list[int] = []
        self._newest: dict[str, int] = {}  # device → row with its newest reading
        self._event_cursor = self._history_cursor = 0
        self._events_left = self._history_left = True
        self._acks: dict[str, Ranges] = {}
        self._acks_applied_s = float("-inf")
        self.published = 0
        self.round_trip_ms: float | None = None  # of the last confirmed publish
        self.refusal = ""  # the broker's, when it takes nothing from us
        self.stored_of_this_boot = False  # the collector has acknowledged something of this very process

    async def work(self, do: Callable[_Given, _Result], *given: _Given.args, **named: _Given.kwargs) -> _Result:
        """Has something done with the outbox, one thing at a time."""
        if self._executor is None:
            return do(*given, **named)
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: do(*given, **named))

    async def report(self, readings: Sequence[Reading]) -> list[Row]:
        """Keeps readings and sends them on; when it returns they are safe, not sent."""
        rows = await self.work(self._outbox.write, readings, self._clock.now())
        taken = iter(readings)
        for row in rows:
            for _ in range(row.readings):
                self._newest[next(taken).device] = row.id
            if self._connected:
                self._fresh.append(row.id)
        self._wake.set()
        return rows

    async def event(self, event: Event) -> Row:
        """Keeps an event and sends it on, ahead of everything."""
        row = await self.work(self._outbox.write_event, event, self._clock.now())
        self._events_left = True
        self._wake.set()
        return row

    async def backlog(self) -> Backlog:
        """How the outbox stands."""
        outbox = self._outbox
        return await self.work(lambda: Backlog(outbox.pending(), outbox.lost(), outbox.bytes_used))

    async def unheard_events(self, limit: int) -> list[Row]:
        """The newest events that the collector has not acknowledged, oldest first."""
        rows = await self.work(self._outbox.newest_events, limit)
        return [row for row in rows if row.boot not in self._acks or row.seq not in self._acks[row.boot]]

    async def settle(self) -> None:
        """Before the end: what was acknowledged is written down."""
        self._acks_applied_s = float("-inf")
        await self._apply_acks()

    def unheard(self) -> bool:
        """Connected, and yet the collector answers nothing."""
        return self._connected and self._flight.unheard(self._clock.now().mono_s)

    def connected(self) -> None:
        """Begins with what matters first."""
        self._connected = True
        self._flight.reset()
        self._unconfirmed = 0
        self._from_the_beginning()
        self._fresh = sorted(set(self._newest.values()))
        self._wake.set()

    def disconnected(self) -> None:
        self._connected = False
        self._flight.reset()

    def acknowledged(self, boots: Mapping[str, Sequence[tuple[int, int]]]) -> None:
        """The collector's `ack`. Raises ValueError when it makes no sense."""
        said = {boot: Ranges(stored) for boot, stored in boots.items()}
        self._flight.acknowledged(said, self._clock.now().mono_s)
        self._acks.update(said)
        self.stored_of_this_boot |= bool(boots.get(self._outbox.boot))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        was_unheard = False
        while True:
            self._wake.clear()
            try:
                moved = await self._step()
            except Exception:
                _log.exception("a step of sending failed; it is tried again")
                await asyncio.sleep(1)
                continue
            unheard = self.unheard()
            if unheard is not was_unheard:
                was_unheard = unheard
                if unheard:
                    _log.warning(
                        "not heard: the collector acknowledges nothing; only events and what is newest are sent"
                    )
                else:
                    _log.info("heard again by the collector")
            if not moved:
                try:
                    async with asyncio.timeout(self._pause_s()):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    # --- one step

    async def _step(self) -> bool:
        """Sends some of what is next. False when there is nothing to do until something happens or time passes."""
        await self._apply_acks()
        if not self._connected:
            return False
        moved = await self._events()
        moved |= await self._again()
        moved |= await self._send_fresh()
        if not moved and not self._wake.is_set():
            moved = await self._history()
        return moved

    async def _events(self) -> bool:
        if not self._events_left:
            return False
        rows = await self.work(self._outbox.unsent, events=True, after_id=self._event_cursor, limit=_EVENTS_AT_ONCE)
        if len(rows) < _EVENTS_AT_ONCE and not self._wake.is_set():
            self._events_left = False
        if rows:
            self._event_cursor = rows[-1].id
            await self._send([row for row in rows if row.id not in self._flight])
        return bool(rows)

    async def _again(self) -> bool:
        now_s = self._clock.now().mono_s
        due = self._flight.due(now_s)[:_AGAIN_AT_ONCE]
        if not due:
            return False
        rows = {row.id: row for row in await self.work(self._outbox.rows, due)}
        unheard, newest = self._flight.unheard(now_s), set(self._newest.values())
        wanted: list[Row] = []
        for row_id in due:
            row = rows.get(row_id)
            stale = unheard and row_id not in newest and row is not None and not row.is_event
            # The last one under way goes on asking: with nothing fresh to send, nothing else would be answered.
            if row is None or (stale and len(self._flight) > 1):
                self._flight.forget(row_id)
                if row is not None:
                    self._from_the_beginning()
            else:
                wanted.append(row)
        await self._send(wanted)
        return True

    async def _send_fresh(self) -> bool:
        newest = set(self._newest.values())
        chosen: list[int] = []
        waiting: list[int] = []
        for row_id in self._fresh:
            if row_id not in newest or row_id in self._flight:
                continue  # overtaken by a newer one: history
            if self._flight.free > len(chosen) or self._displace(newest):
                chosen.append(row_id)
            else:
                waiting.append(row_id)
        self._fresh = waiting
        if chosen:
            self._history_left = True
            await self._send(await self.work(self._outbox.rows, chosen))
        return bool(chosen)

    def _displace(self, newest: set[int]) -> bool:
        if not self._flight.displace(newest):
            return False
        self._from_the_beginning()
        return True

    async def _history(self) -> bool:
        room = min(self._flight.free, _HISTORY_UNCONFIRMED_MAX - self._unconfirmed)
        if room <= 0 or not self._history_left or self._flight.unheard(self._clock.now().mono_s):
            return False
        rows = await self.work(self._outbox.unsent, events=False, after_id=self._history_cursor, limit=room)
        if not rows:
            self._history_left = False
            return False
        self._history_cursor = rows[-1].id
        await self._send([row for row in rows if row.id not in self._flight])
        return True

    async def _send(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        payloads = await self.work(self._messages, rows)
        now_s = self._clock.now().mono_s
        for row, payload in payloads:
            if not self._connected:
                return
            self._flight.published(row, now_s)
            self._unconfirmed += 1
            self.published += 1
            self._publish(row.is_event, payload).add_done_callback(
                lambda answer: self._confirmed(answer.result(), now_s)
            )

    def _messages(self, rows: Sequence[Row]) -> list[tuple[Row, bytes]]:
        now = self._clock.now()
        mono_ms = round(now.mono_s * 1000)
        made: list[tuple[Row, bytes]] = []
        for row in rows:
            try:
                state = self._outbox.state_of(row.boot)
            except KeyError:
                continue  # given up meanwhile
            age_ms = age_when_sent_ms(row, state, self._outbox.machine, mono_ms, now.wall_ms)
            made.append((row, message(row, state, age_ms, now.wall_ms)))
        return made

    def _confirmed(self, answer: Puback, sent_s: float) -> None:
        self._unconfirmed = max(0, self._unconfirmed - 1)
        self._wake.set()
        if answer.ok:
            self.refusal = ""
            self.round_trip_ms = (self._clock.now().mono_s - sent_s) * 1000
        elif answer.code != LOST and answer.reason != self.refusal:
            self.refusal = answer.reason
            _log.error("the broker takes nothing from us reason=%r", answer.reason)

    async def _apply_acks(self) -> None:
        now = self._clock.now()
        if not self._acks or (
            not self._history_left and now.mono_s - self._acks_applied_s < self._pace.apply_acks_every_s
        ):
            return
        acks, self._acks = self._acks, {}
        self._acks_applied_s = now.mono_s
        opened = await self.work(self._outbox.acknowledge, {boot: list(said) for boot, said in acks.items()}, now)
        if opened:
            _log.warning("an ack covers less than before; rows are sent again rows=%d", opened)
        if opened or (not len(self._flight) and await self.work(self._has_pending)):
            self._from_the_beginning()

    def _has_pending(self) -> bool:
        pending = self._outbox.pending()
        return pending.events + pending.reports > 0

    def _from_the_beginning(self) -> None:
        self._event_cursor = self._history_cursor = 0
        self._events_left = self._history_left = True

    def _pause_s(self) -> float:
        now_s = self._clock.now().mono_s
        due_s = self._flight.next_due_s()
        pause_s = _IDLE_S if due_s is None else max(0.01, due_s - now_s)
        return min(pause_s, self._pace.apply_acks_every_s if self._acks else _IDLE_S)
