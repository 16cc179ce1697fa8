"""What is asked for between messages: deeds, probes, a changed fleet, maintenance, configs to publish."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from collector.ask import Asking, NoAnswer
from collector.configs import configs
from collector.deciding import Deciding
from collector.decisions import DeedDone
from collector.facts import DeviceFacts, Entry
from collector.hearing import Hearing
from collector.notify import Answer
from collector.restore import windows
from collector.roster import Fleet
from collector.wishes import Changes, Wish, Wishes
from shouwang import clock
from shouwang.clock import SystemClock
from shouwang.ledger.deeds import NOTIFY_TEST, PROBE, TRY, read_trial
from shouwang.log import get_logger
from shouwang.messages import Codec, Malformed, Reply
from shouwang.reasons import Reason, reason_of
from shouwang.topics import Channel, topic

log = get_logger("collector.errands")

LOOK_EVERY_S = 0.2
CONFIGS_AT_ONCE = 200
WAITED_FOR_MS = 30_000
"""Who asked for a probe or a test message longer ago has been told that nobody answered."""


class Errands:
    """Runs beside hearing and time, on the same loop. `decided` is called when there is something to record."""

    def __init__(
        self,
        engine: Engine,
        deciding: Deciding,
        hearing: Hearing,
        codec: Codec,
        load_fleet: Callable[[Connection], Fleet],
    ) -> None:
        self.decided: Callable[[], None] = lambda: None
        self.send_test: Callable[[str], Coroutine[Any, Any, Answer]] = _no_ways
        self.asking = Asking(self._publish_command)
        self._engine = engine
        self._deciding = deciding
        self._hearing = hearing
        self._codec = codec
        self._load_fleet = load_fleet
        self._wishes = Wishes(engine)
        self._maintenance: tuple[int | None, ...] | None = None
        self._published: dict[str, bytes] = {}  # path → digest of the config that the broker has taken
        self._unpublished = True
        self._publishing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._unpublished and self._hearing.connected:
                    self._unpublished = False
                    self.publish_configs()
                await self._follow(await asyncio.to_thread(self._wishes.look))
            except (SQLAlchemyError, OSError) as error:
                log.warning("cannot read the ledger", error=str(error)[:300])
                await asyncio.sleep(1)
            await asyncio.sleep(LOOK_EVERY_S)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def ask_wanted(self) -> None:
        """Starts the probes that incidents asked for of their own accord."""
        wanted, self._deciding.probes_wanted = self._deciding.probes_wanted, []
        for device, incident_id in wanted:
            self._spawn(self._probe_of_own_accord(device, incident_id))

    def publish_configs(self, *, all_of_them: bool = False) -> None:
        """Tells agents what to watch, where that has changed (or all of them, when the broker may have forgotten)."""
        if all_of_them:
            self._published.clear()
        if self._publishing is not None:
            self._publishing.cancel()
        self._publishing = self._spawn(self._publish())

    async def _follow(self, changes: Changes) -> None:
        if changes.fleet_revision != self._deciding.fleet.revision:
            await self._reload()
        if changes.maintenance != self._maintenance:
            found = await asyncio.to_thread(self._windows)
            self._deciding.incidents.set_maintenance(found)
            self._maintenance = changes.maintenance
        for wish in changes.wishes:
            if wish.deed.what in (PROBE, TRY, NOTIFY_TEST) and clock.wall_ms() - wish.deed.at_ms > WAITED_FOR_MS:
                answer = _why(Reason("too_late"))
                self._deciding.pending.deeds.append(DeedDone(wish.deed.id, False, clock.wall_ms(), answer))
            elif wish.deed.what == PROBE:
                self._spawn(self._probe_for(wish))
            elif wish.deed.what == TRY:
                self._spawn(self._try_for(wish))
            elif wish.deed.what == NOTIFY_TEST:
                self._spawn(self._test_of_a_way(wish))
            else:
                self._deciding.deed(wish.deed, SystemClock().now())
        if changes.wishes:
            self.decided()

    def _windows(self) -> Any:
        with self._engine.connect() as connection:
            return windows(connection, SystemClock().now())

    async def _reload(self) -> None:
        fleet = await asyncio.to_thread(self._load)
        log.info("fleet", revision=fleet.revision, paths=len(fleet.paths), devices=len(fleet.by_id))
        self._deciding.set_fleet(fleet, SystemClock().now())
        self.decided()
        self.publish_configs()

    def _load(self) -> Fleet:
        with self._engine.connect() as connection:
            return self._load_fleet(connection)

    async def _publish(self) -> None:
        """Retained, a few at a time, so that neither memory nor the broker has the whole fleet's at once. What is lost
        with a connection is published again once there is one."""
        paths = list(self._deciding.fleet.paths)
        for start in range(0, len(paths), CONFIGS_AT_ONCE):
            fleet = self._deciding.fleet
            payloads = await asyncio.to_thread(self._configs, fleet, paths[start : start + CONFIGS_AT_ONCE])
            changed = {p: said for p, said in payloads.items() if self._published.get(p) != _digest(said)}
            answers = [
                self._hearing.tell(topic(fleet.paths[p].region, p, Channel.CONFIG), said, qos=1, retain=True)
                for p, said in changed.items()
            ]
            for (path, said), answer in zip(changed.items(), answers, strict=True):
                puback: Any = await answer
                if puback.ok:
                    self._published[path] = _digest(said)
                else:
                    self._unpublished = True

    def _configs(self, fleet: Fleet, paths: list[str]) -> dict[str, bytes]:
        with self._engine.connect() as connection:
            return configs(connection, fleet, self._deciding.watch.kinds, paths)

    async def _probe_for(self, wish: Wish) -> None:
        device = self._device(wish.centre, wish.device)
        if device is None:
            ok, answer = False, _why(Reason("not_in_fleet", {"device": f"{wish.centre}/{wish.device}"}))
        else:
            ok, answer = await self._probe(device)
        self._deciding.pending.deeds.append(DeedDone(wish.deed.id, ok, clock.wall_ms(), answer))
        self.decided()

    async def _try_for(self, wish: Wish) -> None:
        """A trial is a reading of no device: it is shown to who asked, and has no other effect."""
        path = self._deciding.fleet.paths.get(wish.centre)
        try:
            if path is None or path.is_feed:
                ok, answer = False, _why(Reason("not_in_fleet", {"device": wish.centre}))
            else:
                reply = await self.asking.attempt(path.region, path.path, read_trial(wish.deed.note))
                ok, answer, _ = self._read(reply)
        except (NoAnswer, Malformed, ValueError) as error:
            ok, answer = False, _why(reason_of(error))
        self._deciding.pending.deeds.append(DeedDone(wish.deed.id, ok, clock.wall_ms(), answer))
        self.decided()

    async def _test_of_a_way(self, wish: Wish) -> None:
        """`note` names the provider; its refusal is what the person wanted to know, so it is kept as it is."""
        way = wish.deed.note
        try:
            said = await self.send_test(way)
            ok, text = said.accepted, said.text
        except KeyError:
            ok, text = False, f"{way!r} is not configured; see [notify] in shouwang.toml"
        self._deciding.pending.deeds.append(
            DeedDone(wish.deed.id, ok, clock.wall_ms(), {"answer" if ok else "reason": text})
        )
        self.decided()

    async def _probe_of_own_accord(self, device: DeviceFacts, incident_id: str) -> None:
        ok, answer = await self._probe(device)
        text = "" if ok else str(answer.get("reason", ""))
        self._deciding.line(incident_id, Entry(clock.wall_ms(), "probed", text=text, detail=answer))
        self.decided()

    async def _probe(self, device: DeviceFacts) -> tuple[bool, dict[str, Any]]:
        """(answered, the reading or the reason why not); a reading has its effect like any other."""
        if device.path != device.centre:
            return False, _why(Reason("of_a_feed", {"device": device.device, "feed": device.path}))
        try:
            reply = await self.asking.probe(device.region, device.path, device.device)
            ok, answer, reading = self._read(reply)
        except (NoAnswer, Malformed) as error:
            return False, _why(reason_of(error))
        if ok:
            self._deciding.probed(device, reading, "", SystemClock().now())
        return ok, answer

    def _read(self, reply: Reply) -> tuple[bool, dict[str, Any], Any]:
        """(answered, the reading as JSON or the reason why not, the reading). Raises Malformed."""
        if not reply.ok or not isinstance(reply.reading, msgspec.Raw):
            return False, _why(reply.why or reason_of(reply.reason) or Reason("not_probed")), None
        reading = self._codec.reading(reply.reading)
        fields = msgspec.to_builtins(reading)
        fields.pop("why", None)
        taken = {"reading": fields, "taken_at_ms": clock.wall_ms() - (reading.age_ms or 0)}
        why = reading.why or reply.why or reason_of(reply.reason)
        return True, taken | _why(why) if why else taken, reading

    def _device(self, centre: str, device: str) -> DeviceFacts | None:
        fleet = self._deciding.fleet
        own = fleet.by_path.get(centre)
        if own is not None and device in own:
            return own[device]
        name = f"{centre}/{device}"
        return next((devices[name] for devices in fleet.by_path.values() if name in devices), None)

    def _publish_command(self, to: str, payload: bytes, expiry_s: int, response_topic: str, correlation: bytes) -> None:
        self._hearing.tell(
            to, payload, qos=1, expiry_s=expiry_s, response_topic=response_topic, correlation=correlation
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("an errand failed", error=repr(task.exception()))


async def _no_ways(way: str) -> Answer:
    raise KeyError(way)


def _why(reason: Reason) -> dict[str, Any]:
    """As it stands in what became of a deed: in words for programs, by its code for people of both languages."""
    return {"reason": str(reason), "why": msgspec.to_builtins(reason)}


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=8).digest()
