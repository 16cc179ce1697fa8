"""The feed's process: a source, its mapping, listeners, outbox and uplink, put together and kept running."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.allowed import NotAllowedError, load_allowed
from edge.feed.asides import Asides
from edge.feed.mapping import Heard as HeardOf
from edge.feed.mapping import Mapping
from edge.feed.meaning import Aside, Mapped, MappedEvent, MappedReading
from edge.feed.memory import OLD_EVENT_MS, Memory
from edge.feed.options import FeedOptions
from edge.feed.sources import NotToldError, make_source
from edge.feed.told import ToldFiles
from edge.gathering import Gathering
from edge.living import live, look_after, until_told
from edge.onward import Onward
from edge.outbox import Outbox
from edge.probing import Around
from edge.rows import Event, Reading
from edge.secrets import Secrets
from edge.uplink import Uplink
from shouwang import __version__, kinds
from shouwang.clock import Clock, Now, SystemClock

if TYPE_CHECKING:
    from edge.feed.listening import FeedEars
    from edge.hearing import Heard

_log = logging.getLogger("edge.feed")

_LOOK_S = 1.0
_LOST_AFTER_S = 300.0
_AT_ONCE = 500
_LOOK_AT_FILES_S = 3.0
_DEAF_AFTER_S = 60.0
"""A feed that only listens, and cannot: its port is taken."""
_SPACE = uuid.UUID("6f1d3b6e-52b7-5d0c-9a57-0a8f6d0c3d11")
"""Names of events are made from the platform's, so that one told twice is the same event."""


class Feed:
    """One feed. `run` returns after `stop`."""

    def __init__(self, options: FeedOptions, clock: Clock | None = None) -> None:
        """Raises MappingError, UnknownSecretError, ValueError or OSError, each with what to do."""
        self._clock = clock or SystemClock()
        self._state = Path(options.state)
        self._state.mkdir(parents=True, exist_ok=True)
        self._mapping_file = Path(options.mapping)
        declared = kinds.load()
        self._files = ToldFiles(self._mapping_file, declared)
        self._told = self._files.read()
        self._said = self._told.said
        secrets = Secrets(self._state / "secrets.toml")
        beside = self._mapping_file.parent
        self._source = make_source(self._said, secrets, self._state, beside, self._found, self._clock)
        self._memory = Memory(self._said.repeat_every_s)
        self._events_file = self._state / "events.json"
        self._memory.know_events(_read_events(self._events_file))
        self._around = Around(
            allowed=load_allowed(
                self._state / "allowed.toml", loopback=options.allow_loopback, networks=options.networks
            ),
            secrets=secrets,
            clock=self._clock,
            state_directory=self._state,
        )
        self._heard_from: dict[str, HeardOf] = {}
        self._ears: FeedEars | None = None
        self._hears = asyncio.Event()
        self._listen_to(self._said)
        self._executor = ThreadPoolExecutor(1, "outbox")
        self._outbox = Outbox(self._state / "outbox.db", self._clock.now(), max_bytes=options.outbox_bytes)
        self._uplink = Uplink(
            options.login(), self._outbox, clock=self._clock, speed=options.speed, executor=self._executor
        )
        self._gathering = Gathering(self._uplink.report)
        self._onward = Onward(declared, self._uplink.event, self._gathering)
        self._taking = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._told_s: float | None = None
        self._trouble = ""
        self._asides = Asides()

    def stop(self) -> None:
        """Ends `run` in good order."""
        self._stopping.set()

    async def run(self) -> None:
        """Speaks for its devices until stopped. What is pending then stays in the outbox."""
        self._told_s = self._clock.now().mono_s
        await self._uplink.start()
        parts = [self._watch_platform(), look_after(self._uplink, self._outbox), self._gathering.run()]
        parts += [self._asides.run(), self._listen(), self._watch_files()]
        if self._source is not None:
            self._source.well, self._source.ill, self._source.aside = self._well, self._ill, self._asides.add
            parts.append(self._source.run(self._take))
        _log.info("feeding mapping=%s boot=%s version=%s", self._mapping_file.name, self._outbox.boot, __version__)
        try:
            await live(parts, self._stopping)
        finally:
            await self._onward.settle()  # what was heard while listeners ended, too
            await self._gathering.flush()
            await self._uplink.stop()
            self._executor.shutdown()
            self._outbox.close()
            self._around.close()

    # --- what the platform tells

    def _found(self, content: Any) -> list[Any]:
        found = self._told.meaning.entries(content)
        if isinstance(found, Aside):
            raise NotToldError(found.reason, found.detail)
        return found

    async def _take(self, entries: list[Any]) -> None:
        """When it returns, what is new of it is on the disk. A long list is done in parts, between which a help call
        passes."""
        for at in range(0, len(entries), _AT_ONCE):
            async with self._taking:
                await self._take_part(entries[at : at + _AT_ONCE])
            await asyncio.sleep(0)

    async def _take_part(self, entries: list[Any]) -> None:
        now = self._clock.now()
        mapped = self._told.meaning.of_entries(entries, now.wall_ms)
        for aside in mapped.asides:
            self._asides.add(aside)
        await self._keep_events(mapped)
        fresh = [each for each in mapped.readings if self._memory.is_news(each, now.mono_s)]
        if fresh:
            await self._uplink.report([_reading(each, now) for each in fresh])
        for each in fresh:
            self._memory.told(each, now.mono_s)

    async def _keep_events(self, mapped: Mapped) -> None:
        kept = False
        now = self._clock.now()
        for event in mapped.events:
            if now.wall_ms - event.at_ms > OLD_EVENT_MS:
                self._asides.add(Aside("old_event", f"{event.event} of over a week ago", event.device))
            elif self._memory.is_new(event):
                await self._uplink.event(self._event(event, now.mono_s, now.wall_ms))
                self._memory.event_told(event)
                kept = True
        if kept:
            await asyncio.to_thread(_write_events, self._events_file, self._memory.events_known())

    def _event(self, said: MappedEvent, mono_s: float, wall_ms: int) -> Event:
        known = str(uuid.uuid5(_SPACE, f"{said.device} {said.id}"))
        taken_s = mono_s - (wall_ms - said.at_ms) / 1000
        return Event(said.device, said.kind, said.event, taken_s, said.detail, known)

    # --- devices that speak to the feed itself

    def _listen_to(self, said: Mapping) -> None:
        """Raises ValueError where one of them cannot be listened for; those before are heard still."""
        if said.listen and self._ears is None:
            from edge.feed.listening import FeedEars  # few feeds need it

            self._ears = FeedEars(self._state / "listen.toml", self._around, self._heard)
        if self._ears is None:
            return
        try:
            self._ears.watch(said.listen)
        except (LookupError, PermissionError, ValueError, NotAllowedError) as error:
            raise ValueError(f"{self._mapping_file}: {error}") from error
        self._heard_from = {each.device: each for each in said.listen}
        self._hears.set()

    async def _listen(self) -> None:
        await self._hears.wait()
        assert self._ears is not None
        await self._ears.run()

    def _heard(self, heard: Heard) -> Awaitable[bool] | None:
        said = self._heard_from.get(heard.device)
        if said is None:
            return None  # taken off the list meanwhile
        return self._onward.pass_on(heard, said.device, said.kind, said.report_every_s)

    # --- care

    def _well(self) -> None:
        self._told_s = self._clock.now().mono_s
        if self._trouble:
            self._trouble = ""
            _log.info("the platform tells again")
        self._uplink.come_back()

    def _ill(self, error: NotToldError) -> None:
        self._asides.add(error.aside)
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("the platform does not tell reason=%r", self._trouble)

    async def _watch_files(self) -> None:
        """A device that is new in the list is spoken for a few seconds later."""
        while True:
            await asyncio.sleep(_LOOK_AT_FILES_S)
            told = await asyncio.to_thread(self._files.read_if_changed)
            if told is None:
                continue
            try:
                self._listen_to(told.said)
            except ValueError as error:
                _log.error("what changed is wrong, and what was before stays reason=%r", str(error))
                continue
            if told.said.source != self._said.source:
                _log.warning("another source is taken when the feed is started anew; the rest holds from now on")
            self._told = told
            self._memory.repeat_every_s = told.said.repeat_every_s
            _log.info("mapping and list of devices taken anew devices=%d", told.devices)

    async def _watch_platform(self) -> None:
        """A platform that has not told for long, or a port that cannot be had: the feed goes, with its will; its
        devices are unknown, not lost."""
        while True:
            await asyncio.sleep(_LOOK_S)
            limit_s = self._lost_after_s()
            now_s = self._clock.now().mono_s
            if not limit_s or self._told_s is None or self._uplink.gone:
                continue
            if now_s - self._told_s > limit_s:
                _log.error("nothing has been told for %d s: the feed goes offline", now_s - self._told_s)
                await self._uplink.go()

    def _lost_after_s(self) -> float | None:
        """None: not at all."""
        said_s = self._told.said.lost_after_s
        if self._source is not None:
            return _LOST_AFTER_S if said_s is None and self._source.fetches else said_s
        assert self._ears is not None
        if not self._ears.out():
            self._well()
        return _DEAF_AFTER_S if said_s is None else said_s


def _reading(said: MappedReading, now: Now) -> Reading:
    """As old as the platform's word of the device; a kind that has a field for that says it there."""
    taken_s = now.mono_s
    if said.heard_ms is not None and "last_heard_age_ms" not in said.fields:
        taken_s -= (now.wall_ms - said.heard_ms) / 1000
    return Reading(said.device, said.kind, taken_s, said.fields)


def _read_events(path: Path) -> list[str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[str])
    except (OSError, msgspec.MsgspecError):
        return []


def _write_events(path: Path, known: list[str]) -> None:
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(msgspec.json.encode(known))
        new.replace(path)
    except OSError as error:
        _log.error("events told could not be noted reason=%r; after a restart they may be told again", str(error))


async def run_until_told(options: FeedOptions) -> None:
    """Runs a feed until SIGTERM or SIGINT."""
    feed = Feed(options)
    await until_told(feed.run, feed.stop)
