"""The agent's process: watchlist, schedule, gathering, outbox and uplink, put together and kept running."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.allowed import NotAllowedError, load_allowed
from edge.ears import Ears
from edge.gathering import Gathering
from edge.hearing import Heard
from edge.living import live, look_after, until_told
from edge.on_request import home_of, uplink_of
from edge.onward import Onward
from edge.options import AgentOptions
from edge.outbox import Outbox
from edge.probing import Answer, Around
from edge.rows import Event, Reading
from edge.schedule import CannotAskError, Schedule
from edge.secrets import Secrets
from edge.trying import try_once
from edge.watchlist import BadConfigError, KeptConfig, Watched, make_watchlist, read_config
from shouwang import __version__, kinds
from shouwang.clock import Clock, SystemClock
from shouwang.messages import VERSION, Command, Reply
from shouwang.reasons import Reason, reason_of

if TYPE_CHECKING:
    from edge.fallback import Fallbacks
    from edge.upgrade.running import Upgrades

_log = logging.getLogger("edge.agent")

_GROWING_FROM_ROWS = 60
_GROWING_LOOKS = 4
_COMMAND_S = 12.0


class Agent:
    """One centre's agent. `run` returns after `stop`."""

    def __init__(self, options: AgentOptions, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        state = Path(options.state)
        self._executor = ThreadPoolExecutor(1, "outbox")
        self._kinds = kinds.load()
        self._kept = KeptConfig(state / "config.json")
        self._outbox = Outbox(state / "outbox.db", self._clock.now(), max_bytes=options.outbox_bytes)
        self._around = Around(
            allowed=load_allowed(state / "allowed.toml", loopback=options.allow_loopback, networks=options.networks),
            secrets=Secrets(state / "secrets.toml"),
            clock=self._clock,
            agent_facts=self._facts,
            state_directory=state,
        )
        self._uplink = uplink_of(state)(
            options.login(),
            self._outbox,
            clock=self._clock,
            speed=options.speed,
            executor=self._executor,
            on_config=self._configured,
            on_command=self._commanded,
        )
        self._fallbacks = self._make_fallbacks(state, options.centre)
        self._schedule = Schedule(self._took, self._clock)
        self._ears = Ears(state / "listen.toml", self._around, self._heard)
        self._home = home_of(state, options.centre, self._around, self._kinds)
        self._gathering = Gathering(self._uplink.report, None if self._home is None else self._home.reading)
        self._onward = Onward(self._kinds, self._event, self._gathering)
        self._upgrades = self._make_upgrades(options)
        self._stopping = asyncio.Event()
        self._watches = False
        self._pending: list[int] = []
        self._last_reasons: dict[str, str] = {}
        self._keeping: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Ends `run` in good order."""
        self._stopping.set()

    async def run(self) -> None:
        """Watches and reports until stopped. What is pending then stays in the outbox."""
        config = self._kept.load()
        if config is not None:
            self._watch(config)
        await self._uplink.start()
        fallbacks = () if self._fallbacks is None else (self._fallbacks.run(),)
        parts = (
            *fallbacks,
            *(() if self._home is None else (self._home.run(),)),
            *(() if self._upgrades is None else (self._upgrades.run(),)),
            self._schedule.run(),
            self._ears.run(),
            self._gathering.run(),
            look_after(self._uplink, self._outbox),
        )
        _log.info("watching boot=%s version=%s outbox=%r", self._outbox.boot, __version__, self._outbox.trouble or "ok")
        try:
            await live(parts, self._stopping)
        finally:
            await asyncio.gather(*self._keeping, return_exceptions=True)
            await self._onward.settle()  # what was heard while listeners ended, too
            await self._gathering.flush()
            await self._uplink.stop()
            self._executor.shutdown()
            self._outbox.close()
            self._around.close()

    def _make_fallbacks(self, state: Path, centre: str) -> Fallbacks | None:
        """None where no other ways are named, as in most centres."""
        if not (state / "fallbacks.toml").exists():
            return None
        from edge.fallback import Fallbacks, Tries, UplinkLine, load  # few agents need it

        said = load(state / "fallbacks.toml")
        if not said.way:
            return None
        line = UplinkLine(self._uplink, self._outbox, self._clock)
        made = Fallbacks(said, Tries(state / "fallbacks.db"), line, self._around, centre)
        self._uplink.event_kept = made.look
        return made

    def _make_upgrades(self, options: AgentOptions) -> Upgrades | None:
        """None but for an agent that was installed as a bundle, at a centre of it that offers others."""
        if options.upgrading is None:
            return None
        from edge.upgrade.running import Upgrades  # nobody else needs it

        return Upgrades(
            options,
            options.upgrading,
            self._uplink,
            self._clock,
            watches=lambda: self._watches,
            stop=self.stop,
        )

    # --- configuration

    def _configured(self, payload: bytes) -> None:
        if not payload:
            return  # a retained configuration was deleted: we go on with ours
        try:
            config = read_config(payload)
        except BadConfigError as error:
            _log.error("configuration refused reason=%r; the one before stays", str(error))
            return
        self._watch(config)
        keeping = asyncio.get_running_loop().create_task(self._keep(payload))
        self._keeping.add(keeping)
        keeping.add_done_callback(self._keeping.discard)

    async def _keep(self, payload: bytes) -> None:
        try:
            await asyncio.to_thread(self._kept.keep, payload)
        except OSError as error:
            _log.error("configuration could not be kept reason=%r; it holds until the next start", str(error))

    def _watch(self, config: Any) -> None:
        watchlist = make_watchlist(config, self._kinds, self._around)
        self._schedule.watch(watchlist)
        self._watches = bool(watchlist.devices)
        self._ears.watch(watchlist.listened)
        if self._home is not None:
            self._home.watch(watchlist.devices.values())
        _log.info(
            "configured revision=%s devices=%d problems=%d",
            watchlist.revision,
            len(watchlist.devices),
            len(watchlist.problems),
        )
        for problem in watchlist.problems:
            _log.warning("cannot be asked %s", problem)

    # --- readings

    async def _took(self, watched: Watched, answer: Answer, taken_s: float) -> None:
        said = str(answer.reason)
        if self._last_reasons.get(watched.device, "") != said:
            self._last_reasons[watched.device] = said
            _log.info("device=%s reachable=%s reason=%r", watched.device, answer.reachable, said)
        self._gathering.take(self._reading(watched, answer, taken_s), watched.interval_s)

    def _heard(self, heard: Heard) -> Awaitable[bool] | None:
        """Gives what tells whether an event is kept."""
        try:
            watched = self._schedule.watched(heard.device)
        except KeyError:
            return None  # taken off the list meanwhile
        return self._onward.pass_on(heard, watched.device, watched.kind, watched.interval_s)

    async def _event(self, event: Event) -> None:
        if self._home is not None:
            self._home.event(event)
        await self._uplink.event(event)

    def _reading(self, watched: Watched, answer: Answer, taken_s: float) -> Reading:
        return Reading(watched.device, watched.kind, taken_s, self._fields(watched.kind, answer))

    def _fields(self, kind: str, answer: Answer) -> dict[str, Any]:
        """As they stand in a reading; what its kind does not have is left out."""
        known = self._kinds[kind].fields
        fields = {name: value for name, value in answer.as_fields().items() if name in known}
        if why := reason_of(answer.reason):
            fields["why"] = why
        return fields

    async def _facts(self) -> dict[str, Any]:
        """What a `site` reading says of the agent itself."""
        backlog = await self._uplink.dispatch.backlog()
        pending = backlog.pending.events + backlog.pending.reports
        self._pending = [*self._pending, pending][-_GROWING_LOOKS:]
        growing = (
            pending > _GROWING_FROM_ROWS
            and len(self._pending) == _GROWING_LOOKS
            and all(earlier < later for earlier, later in zip(self._pending, self._pending[1:], strict=False))
        )
        facts: dict[str, Any] = {
            "outbox_pending": pending,
            "outbox_growing": growing,
            "agent_version": __version__,
        }
        if self._outbox.trouble:
            facts["disk_read_only"] = True
        facts |= self._ears.facts()
        if self._uplink.dispatch.round_trip_ms is not None:
            facts["uplink_rtt_ms"] = round(self._uplink.dispatch.round_trip_ms, 1)
        return facts

    # --- commands

    async def _commanded(self, command: Command) -> Reply:
        def refuse(reason: Reason | str) -> Reply:
            why = reason_of(reason)
            return Reply(v=VERSION, id=command.id, ok=False, reason=str(reason)[:512], why=why)

        def answered(device: str, kind: str, answer: Answer, age_ms: int = 0, said: Reason | str = "") -> Reply:
            reading = Reading(device, kind, 0.0, self._fields(kind, answer))
            raw = msgspec.Raw(b'{"age_ms":%d,%s}' % (age_ms, reading.inner()))
            return Reply(v=VERSION, id=command.id, ok=True, reason=str(said or answer.reason)[:512], reading=raw)

        try:
            async with asyncio.timeout(_COMMAND_S):
                match command.command:
                    case "probe":
                        watched = self._schedule.watched(command.device)
                        if watched.probe is None and not watched.problem:
                            answer, age_ms = self._recall(watched)
                            said = Reason("only_speaks", {"s": age_ms // 1000})
                            return answered(watched.device, watched.kind, answer, age_ms, said)
                        answer = await self._schedule.ask_now(watched.device)
                        return answered(watched.device, watched.kind, answer)
                    case "try":
                        tried = await try_once(command, self._kinds, self._around)
                        return answered(command.device or "tried", command.kind, tried)
                    case _:
                        return refuse(Reason("unknown_command", {"command": command.command[:32]}))
        except KeyError:
            return refuse(Reason("not_configured", {"device": command.device[:65]}))
        except (CannotAskError, NotAllowedError) as error:
            return refuse(str(error))
        except TimeoutError:
            return refuse(Reason("no_answer", {"s": _COMMAND_S}))

    def _recall(self, watched: Watched) -> tuple[Answer, int]:
        """What a device that only speaks last said, and how long ago (ms). Raises CannotAskError where it never did."""
        heard = self._ears.last(watched.device)
        if heard is None:
            raise CannotAskError(str(Reason("only_speaks_unheard")))
        fields = dict(heard.fields)
        age_ms = max(0, round((self._clock.now().mono_s - heard.at_s) * 1000))
        return Answer(bool(fields.pop("reachable", True)), None, fields), age_ms


async def run_until_told(options: AgentOptions) -> None:
    """Runs an agent until SIGTERM or SIGINT."""
    agent = Agent(options)
    await until_told(agent.run, agent.stop)
