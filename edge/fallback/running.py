"""Watches over calls that are out and not acknowledged, and takes the ways of `fallbacks.toml` one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from edge.allowed import NotAllowedError
from edge.fallback import modbus_coil
from edge.fallback.file import FallbackFile, SecondUplink, Siren, Sms, Way
from edge.fallback.ladder import Try, next_way
from edge.fallback.sms import CHARACTERS_MAX, Modem, ModemError
from edge.fallback.tries import Tries
from edge.machine import plausible
from edge.probing import Around, ProbeConfigError, make_probe
from edge.rows import Event

_log = logging.getLogger("edge.fallback")

USED = "fallback_used"
"""The event by which a try is told to the collector, once it hears again."""
_LOOK_EVERY_S = 0.5
_IDLE_LOOK_S = 15.0
_SAME_DEVICE_S = 300.0
"""Who presses again and again is told of once in so long by each way."""
_REASON_MAX = 200
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Call:
    """An event that the collector has not acknowledged. `age_s` None: nobody knows."""

    id: str
    device: str
    kind: str
    event: str
    age_s: float | None


class Line(Protocol):
    """What is needed of the agent's uplink."""

    async def unheard_calls(self) -> list[Call]: ...

    async def event(self, event: Event) -> Any: ...

    def leave_by(self, way: SecondUplink | None) -> None: ...


class Fallbacks:
    """One agent's. `run` until cancelled; `look` wakes it when an event goes out."""

    def __init__(self, said: FallbackFile, tries: Tries, line: Line, around: Around, centre: str) -> None:
        self._said, self._tries, self._line, self._around, self._centre = said, tries, line, around, centre
        self._clock = around.clock
        self._woken = asyncio.Event()
        self._began: dict[tuple[str, int], float] = {}  # when, on the monotonic clock, in this life
        self._first_seen: dict[str, float] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sirens: dict[str, asyncio.Task[None]] = {}
        self._sounding: dict[str, int] = {}  # for how many calls, by what switches it on
        self._trouble = ""
        self._elsewhere_until_s: float | None = None
        self._born_ms = self._clock.now().wall_ms

    def look(self) -> None:
        """An event went out just now."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; a siren that is on is then switched off."""
        try:
            while True:
                self._woken.clear()
                busy = await self._guarded(self._step()) is not False
                await self._guarded(self._report())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S if busy else _IDLE_LOOK_S):
                        await self._woken.wait()
        finally:
            tasks = [*self._running.values(), *self._sirens.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[None, None, _Result]) -> _Result | None:
        """Whatever goes wrong here must not end the agent just when somebody calls: it is said, and tried again."""
        try:
            return await work
        except Exception as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                _log.exception("calls could not be looked after; it is tried again")
            return None

    async def _step(self) -> bool:
        """True while something is out."""
        calls = [call for call in await self._line.unheard_calls() if call.event in self._said.events]
        now_s = self._clock.now().mono_s
        ids = {call.id for call in calls}
        self._first_seen = {call: self._first_seen.get(call, now_s) for call in ids}
        for quiet in self._sirens.keys() - ids:
            self._sirens.pop(quiet).cancel()  # acknowledged: its end switches it off
        for call in calls:
            if call.id not in self._running:
                try:
                    self._go_on(call, now_s)
                except Exception:
                    _log.exception("a call could not go on device=%s id=%s; others do", call.device, call.id)
        if calls and self._elsewhere_until_s is not None:
            self._elsewhere_until_s = now_s + self._back_after_s()
        elif self._elsewhere_until_s is not None and now_s >= self._elsewhere_until_s:
            self._elsewhere_until_s = None
            _log.info("back to the first way out")
            self._line.leave_by(None)
        return bool(calls or self._running)

    def _go_on(self, call: Call, now_s: float) -> None:
        age_s = now_s - self._first_seen[call.id] if call.age_s is None else call.age_s
        tries = self._tries.of(call.id)
        since_s = float("inf")
        if tries:
            since_s = now_s - self._began.setdefault((call.id, tries[-1].number), now_s)
        number = next_way(self._said, age_s, tries, since_s)
        if number is None:
            return
        way = self._said.way[number]
        self._began[call.id, number] = now_s
        self._tries.begin(call.id, call.device, call.kind, number, way.name, self._clock.now().wall_ms)
        _log.warning("no ack for a call device=%s id=%s: trying way=%s", call.device, call.id, way.name)
        self._spawn(call, self._take(call, number, way))

    def _spawn(self, call: Call, work: Coroutine[None, None, None]) -> None:
        task = self._running[call.id] = asyncio.get_running_loop().create_task(work)

        def done(_: asyncio.Task[None]) -> None:
            self._running.pop(call.id, None)
            self._woken.set()

        task.add_done_callback(done)

    async def _take(self, call: Call, number: int, way: Way) -> None:
        try:
            ok, said = await self._by(call, way)
        except Exception as error:
            _log.exception("a way failed way=%s", way.name)
            ok, said = False, str(error)
        _log.warning("way=%s device=%s ok=%s said=%r", way.name, call.device, ok, said)
        self._tries.end(call.id, number, ok, said[:_REASON_MAX])

    async def _by(self, call: Call, way: Way) -> tuple[bool, str]:
        if isinstance(way, SecondUplink):
            if self._elsewhere_until_s is None:
                self._line.leave_by(way)
            self._elsewhere_until_s = self._clock.now().mono_s + way.back_after_s
            return True, f"through {way.source or 'another address'}"
        now_ms = self._clock.now().wall_ms
        if self._tries.told_of(call.device, way.name, now_ms - round(_SAME_DEVICE_S * 1000), now_ms):
            return True, Tries.TOLD
        return await (self._by_sms(call, way) if isinstance(way, Sms) else self._by_siren(call, way))

    async def _by_sms(self, call: Call, way: Sms) -> tuple[bool, str]:
        text = words(call, self._centre, self._clock.now().wall_ms)
        took: list[str] = []
        wrong = ""
        modem = Modem(way.modem, way.baud)
        for number in way.numbers:
            try:
                async with asyncio.timeout(way.timeout_s):
                    modem.open()
                    await modem.send(number, text)
                took.append(f"…{number[-4:]}")
            except TimeoutError:
                wrong = f"the modem did not answer within {way.timeout_s:g} s"
            except ModemError as error:
                wrong = str(error)
            finally:
                modem.close()
        said = "; ".join(filter(None, (f"sent to {', '.join(took)}" if took else "", wrong)))
        return bool(took), said

    async def _by_siren(self, call: Call, way: Siren) -> tuple[bool, str]:
        wrong = await self._switch(way.on, True, way.timeout_s)
        if wrong:
            return False, wrong
        self._sirens[call.id] = asyncio.get_running_loop().create_task(self._silence(way))
        self._sounding[way.on] = self._sounding.get(way.on, 0) + 1
        return True, "on"

    async def _silence(self, way: Siren) -> None:
        """After a while, or when cancelled; the last call that it sounds for switches it off."""
        try:
            await asyncio.sleep(way.for_s)
        finally:
            self._sounding[way.on] -= 1
            target = way.off or (way.on if way.on.startswith("modbus://") else "")
            if (
                self._sounding[way.on] == 0
                and target
                and (wrong := await asyncio.shield(self._switch(target, False, way.timeout_s)))
            ):
                _log.error("the siren could not be switched off reason=%r", wrong)

    async def _switch(self, target: str, on: bool, timeout_s: float) -> str:
        """Why it could not be switched; empty when it was."""
        try:
            async with asyncio.timeout(timeout_s):
                if target.startswith("modbus://"):
                    await modbus_coil.switch(modbus_coil.parse_coil(target), on, self._around.allowed)
                    return ""
                answer = await make_probe("http", target, {}, self._around).ask(timeout_s)
                return "" if answer.fields.get("page_ok") else str(answer.reason) or "it did not take it"
        except TimeoutError:
            return f"no answer within {timeout_s:g} s"
        except (OSError, NotAllowedError, ProbeConfigError) as error:
            return str(error)

    async def _report(self) -> None:
        """What ended goes to the outbox, under an identity of its own, so that twice is once."""
        now = self._clock.now()
        for call, device, kind, tried in self._tries.unreported():
            if tried.ok is None and (call in self._running or tried.began_ms >= self._born_ms):
                continue
            await self._line.event(report_of(call, device, kind, tried, now.mono_s, now.wall_ms))
            self._tries.reported(call, tried.number)

    def _back_after_s(self) -> float:
        return min((way.back_after_s for way in self._said.way if isinstance(way, SecondUplink)), default=600.0)


def report_of(call: str, device: str, kind: str, tried: Try, now_s: float, now_ms: int) -> Event:
    """The event that tells of a try."""
    age_s = max(0.0, (now_ms - tried.began_ms) / 1000)
    detail = {"call": call, "way": tried.way, "ok": tried.ok, "said": tried.said or "cut short; nobody knows"}
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"{call}/{tried.number}")
    return Event(device, kind, USED, now_s - age_s, detail, str(identity))


def words(call: Call, centre: str, now_ms: int) -> str:
    """What a text message says: no name of a person, at most 70 characters."""
    at = ""
    if plausible(now_ms) and call.age_s is not None:
        at = time.strftime("%H:%M", time.localtime(now_ms / 1000 - call.age_s)) + " "
    return f"【守望】呼救：{centre} {call.device} {at}平台未应答，请立即查看"[:CHARACTERS_MAX]


def call_of(body: bytes, age_ms: int | None) -> Call:
    """The call that a row of the outbox holds."""
    ((written_ms, inner),) = _ROW.decode(body)
    said = _INNER.decode(b"{%s}" % inner)
    age_s = None if age_ms is None or written_ms is None else (age_ms + written_ms) / 1000
    return Call(said.id, said.device, said.kind, said.event, age_s)


class _Said(msgspec.Struct):
    id: str
    device: str
    kind: str
    event: str


_ROW = msgspec.msgpack.Decoder(list[tuple[int | None, bytes]])
_INNER = msgspec.json.Decoder(_Said)
