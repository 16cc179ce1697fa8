"""A simulated agent: simulated devices, and the real outbox and uplink over real MQTT.

It stands at a centre, or is a feed that speaks for devices of many. What befalls it comes from the world.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from edge.outbox import Outbox
from edge.rows import Event, Reading
from edge.uplink import Login
from shouwang import __version__
from shouwang.clock import Now
from shouwang.kinds import Kind
from shouwang.limits import device_limits
from shouwang.log import get_logger
from shouwang.messages import VERSION, Command, Reply
from simulators.device import Device, Fields, Moment
from simulators.faults import FaultKind, World
from simulators.fleet import SimDevice
from simulators.network import SimulatedUplink
from simulators.tempo import Tempo, WrongClock

log = get_logger("simulators.agent")

BEAT_S = 15.0
"""How often an agent takes readings; a device with a longer interval has its turn every so many beats."""

GROWING_ROWS = 120
"""Half an hour of reports: fewer are the ordinary wait for an acknowledgement."""


class State(StrEnum):
    UP = "up"
    CUT_OFF = "cut_off"  # it probes and keeps what it reads, and nothing of it arrives
    DARK = "dark"


@dataclass(slots=True)
class _Watched:
    facts: SimDevice
    device: Device
    every_beats: int
    turn: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What all agents of a simulation share."""

    broker_url: str
    tempo: Tempo
    world: World
    kinds: dict[str, Kind]
    outboxes: Path
    outbox_bytes: int
    seed: int = 1
    password_of: Callable[[str], str | None] = lambda path: None


class SimAgent:
    """One agent. `path`: the centre, or the feed's name."""

    def __init__(self, setting: Setting, region: str, path: str, devices: Sequence[SimDevice]) -> None:
        self.path = path
        self.readings_taken = 0
        self.restarts = 0
        self._setting = setting
        self._login = Login(setting.broker_url, region, path, password=setting.password_of(path))
        self._chance = Random(f"{setting.seed}/{path}")
        self._watched = {facts.name_on_path: self._watch(facts, number) for number, facts in enumerate(devices)}
        self._clock = WrongClock()
        self._state = State.DARK
        self._restarted_s = 0.0
        self._beats = 0
        self._changing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._outbox: Outbox | None = None
        self._uplink: SimulatedUplink | None = None
        self._pending_before = 0

    def _watch(self, facts: SimDevice, number: int) -> _Watched:
        limits = device_limits(self._setting.kinds[facts.kind], facts.profile or None)
        every_beats = max(1, round(limits.report_every_s / BEAT_S))
        device = Device(facts.name_on_path, facts.kind, f"{self._setting.seed}/{facts.centre}")
        return _Watched(facts, device, every_beats, number)

    # --- life

    async def start(self) -> None:
        """Powers it up and begins to take readings."""
        await self.follow(self._clock.now())
        self._task = asyncio.create_task(self._live(), name=f"agent {self.path}")

    async def stop(self) -> None:
        """Ends it on purpose: nobody is alarmed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        async with self._changing:
            if self._uplink is not None:
                await self._uplink.stop()
            self._close_outbox()
            self._uplink, self._state = None, State.DARK

    async def follow(self, now: Now) -> None:
        """Becomes what the world says of it at this moment."""
        world, tempo = self._setting.world, self._setting.tempo
        at_s = tempo.moment(now).elapsed_s
        self._clock.offset_ms = world.clock_offset_ms(self.path)
        if self._uplink is not None:
            self._uplink.follow(world.on_path(self.path, FaultKind.DELIVERY_DISORDERED))
        wanted = State.UP
        if world.is_dark(self.path, at_s):
            wanted = State.DARK
        elif world.is_cut_off(self.path):
            wanted = State.CUT_OFF
        restarting = world.on_path(self.path, FaultKind.AGENT_RESTARTS)
        restart = restarting is not None and at_s - self._restarted_s >= restarting.setting("every_s")
        if wanted is self._state and not restart:
            return
        async with self._changing:
            if restart:
                self._restarted_s = at_s
                self.restarts += 1
                await self._become(State.DARK)
            await self._become(wanted)

    async def help_call(self, name: str) -> None:
        """Somebody presses the button of a terminal. Without power nobody hears it; cut off, it waits its turn."""
        watched = self._watched[name]
        if self._uplink is None:
            return
        now = self._clock.now()
        await self._uplink.event(Event(name, watched.facts.kind, FaultKind.HELP_CALL.value, now.mono_s))

    @property
    def connected(self) -> bool:
        return self._uplink is not None and self._state is State.UP and self._uplink.connected

    @property
    def pending(self) -> int:
        """Rows of its outbox that the collector has not acknowledged."""
        if self._outbox is None:
            return 0
        pending = self._outbox.pending()
        return pending.events + pending.reports

    # --- inside

    async def _become(self, wanted: State) -> None:
        was, self._state = self._state, wanted
        if wanted is was:
            return
        if wanted is State.DARK:
            if self._uplink is not None:
                await self._uplink.vanish()
            self._uplink = None
            self._close_outbox()
        elif self._uplink is None:
            uplink = await self._power_up()
            if wanted is State.CUT_OFF:
                await uplink.cut()
        elif wanted is State.CUT_OFF:
            await self._uplink.cut()
        else:
            self._uplink.mend()

    async def _power_up(self) -> SimulatedUplink:
        """A new boot on the outbox that the last one left."""
        path = self._setting.outboxes / f"{self.path}.db"
        self._outbox = Outbox(path, self._clock.now(), max_bytes=self._setting.outbox_bytes)
        uplink = self._uplink = SimulatedUplink(
            self._login,
            self._outbox,
            clock=self._clock,
            speed=self._setting.tempo.speed,
            on_command=self._answer,
            chance=self._chance,
        )
        await uplink.start()
        return uplink

    def _close_outbox(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None

    async def _live(self) -> None:
        beat_s = self._setting.tempo.real_s(BEAT_S)
        due_s = self._clock.now().mono_s + beat_s * self._chance.random()
        while True:
            await asyncio.sleep(max(0.0, due_s - self._clock.now().mono_s))
            due_s = max(due_s + beat_s, self._clock.now().mono_s)
            try:
                await self._beat()
            except Exception:
                log.exception("a beat failed", path=self.path)

    async def _beat(self) -> None:
        async with self._changing:
            self._beats += 1
            uplink, outbox = self._uplink, self._outbox
            if uplink is None or outbox is None:
                return
            now = self._clock.now()
            moment = self._setting.tempo.moment(now)
            readings: list[Reading] = []
            for watched in self._watched.values():
                # Everything in the first beat, so that nothing starts its life unheard; then each in its turn.
                if self._beats > 1 and (self._beats + watched.turn) % watched.every_beats:
                    continue
                fields = self._fields(watched, moment)
                if fields is None:
                    continue
                if watched.facts.kind == "site":
                    self._of_itself(fields, outbox)
                # An agent asks one device after the other: readings differ in age.
                taken_mono_s = now.mono_s - self._setting.tempo.real_s(2.0) * self._chance.random()
                readings.append(Reading(watched.device.name, watched.facts.kind, taken_mono_s, fields))
            self.readings_taken += len(readings)
            await uplink.report(readings)

    def _fields(self, watched: _Watched, moment: Moment) -> Fields | None:
        fields = watched.device.reading(moment, self._setting.world.around(watched.facts, moment))
        if fields is not None and (age_ms := fields.get("last_heard_age_ms")):
            # It counts for the watch's limits, which speed divides.
            fields["last_heard_age_ms"] = round(self._setting.tempo.real_s(age_ms))
        return fields

    def _of_itself(self, fields: dict[str, Any], outbox: Outbox) -> None:
        pending = outbox.pending().reports
        fields["outbox_pending"] = pending
        fields["outbox_growing"] = pending > GROWING_ROWS and pending > self._pending_before
        fields["agent_version"] = __version__
        self._pending_before = pending

    async def _answer(self, command: Command) -> Reply:
        if command.command == "try":
            return self._tried(command)
        watched = self._watched.get(command.device)
        if command.command != "probe" or watched is None:
            reason = f"no device {command.device!r} here" if watched is None else f"no command {command.command!r}"
            return Reply(v=VERSION, id=command.id, ok=False, reason=reason)
        moment = self._setting.tempo.moment(self._clock.now())
        fields = self._fields(watched, moment)
        if fields is None:
            return Reply(v=VERSION, id=command.id, ok=False, reason="the device does not answer")
        said = {"device": watched.device.name, "kind": watched.facts.kind, "age_ms": 0, **fields}
        return Reply(v=VERSION, id=command.id, ok=True, reading=msgspec.Raw(msgspec.json.encode(said)))

    def _tried(self, command: Command) -> Reply:
        """A device that is not in the fleet yet: there is one of its kind at every address of a village."""
        moment = self._setting.tempo.moment(self._clock.now())
        try:
            fields = Device("tried", command.kind, f"{self._setting.seed}/{command.target}").reading(moment)
        except ValueError as error:
            return Reply(v=VERSION, id=command.id, ok=False, reason=str(error)[:512])
        said = {"device": "tried", "kind": command.kind, "age_ms": 0, **(fields or {})}
        return Reply(v=VERSION, id=command.id, ok=True, reading=msgspec.Raw(msgspec.json.encode(said)))
