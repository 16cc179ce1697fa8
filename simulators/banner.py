"""Many simulated agents in one process, the timelines that befall them, and how they are doing."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shouwang.clock import SystemClock
from shouwang.kinds import load
from shouwang.log import get_logger
from simulators.agent import Setting, SimAgent
from simulators.chance import random_steps
from simulators.faults import FaultKind, World
from simulators.fleet import FEEDS, SimCentre, SimDevice, of_feed, own_devices
from simulators.player import Happening, Player
from simulators.scenario import Scenario, ScenarioError
from simulators.tempo import Tempo

log = get_logger("simulators.banner")

TURN_S = 0.1
_STARTS_AT_ONCE = 20
_FILES_AN_AGENT = 4
_OUTBOXES_BYTES = 512 << 20
_OUTBOX_LEAST_BYTES = 512 << 10
_OUTBOX_MOST_BYTES = 192 << 20


@dataclass(frozen=True, slots=True)
class Doing:
    """How the simulation is doing."""

    elapsed_s: float
    agents: int
    connected: int
    readings_taken: int
    pending_rows: int
    faults: int


class Banner:
    """A simulated fleet over real MQTT. Centres that are still building stay away."""

    def __init__(
        self,
        fleet: Sequence[SimCentre],
        broker_url: str,
        outboxes: Path,
        *,
        speed: float = 1.0,
        seed: int = 1,
        password_of: Callable[[str], str | None] = lambda path: None,
        on_happening: Callable[[Happening], None] = lambda happening: None,
    ) -> None:
        live = [centre for centre in fleet if centre.stage == "live"]
        self._fleet = [centre for centre in live if own_devices(centre)]  # others have their agent elsewhere
        if not self._fleet:
            raise ValueError("no live centre to simulate")
        self._seed = seed
        self._on_happening = on_happening
        self.world = World()
        self.tempo = Tempo(speed, SystemClock().now())
        self.player = Player(
            self.world,
            self._fleet,
            seed=seed,
            start_hour=self.tempo.start_hour,
            on_skipped=lambda reason: log.warning("skipped", reason=reason),
        )
        share = _OUTBOXES_BYTES // (len(self._fleet) + len(FEEDS))
        setting = Setting(
            broker_url=broker_url,
            tempo=self.tempo,
            world=self.world,
            kinds=load(),
            outboxes=outboxes,
            outbox_bytes=min(max(share, _OUTBOX_LEAST_BYTES), _OUTBOX_MOST_BYTES),
            seed=seed,
            password_of=password_of,
        )
        self.agents = {
            centre.centre: SimAgent(setting, centre.region, centre.centre, own_devices(centre))
            for centre in self._fleet
        }
        for feed in FEEDS:
            if devices := of_feed(live, feed):
                self.agents[feed] = SimAgent(setting, self._fleet[0].region, feed, devices)
        self._troubled: set[str] = set()

    @property
    def now_s(self) -> float:
        """Simulated seconds since the start."""
        return self.tempo.moment(SystemClock().now()).elapsed_s

    def play(self, scenario: Scenario) -> None:
        """Begins a scenario now. Raises ScenarioError when the fleet is too small for it."""
        if len(self._fleet) < scenario.centres:
            raise ScenarioError(f"{scenario.name} needs at least {scenario.centres} centres, not {len(self._fleet)}")
        self.player.add(scenario, self.now_s)

    def play_at_random(self, seed: int) -> None:
        """From now on, faults drawn from a seed."""
        self.player.add_steps(random_steps(self._fleet, seed, self.now_s))

    async def run(self) -> None:
        """Starts every agent, and lives on until cancelled; then all say goodbye."""
        allow_files(len(self.agents) * _FILES_AN_AGENT + 200)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_all())
                group.create_task(self._play())
        finally:
            await self._stop_all()

    def doing(self) -> Doing:
        """How it is doing now."""
        agents = self.agents.values()
        return Doing(
            elapsed_s=self.now_s,
            agents=len(self.agents),
            connected=sum(agent.connected for agent in agents),
            readings_taken=sum(agent.readings_taken for agent in agents),
            pending_rows=sum(agent.pending for agent in agents),
            faults=self.world.faults,
        )

    async def _start_all(self) -> None:
        agents = list(self.agents.values())
        for at in range(0, len(agents), _STARTS_AT_ONCE):
            await asyncio.gather(*(agent.start() for agent in agents[at : at + _STARTS_AT_ONCE]))
            await asyncio.sleep(0.01)

    async def _stop_all(self) -> None:
        await asyncio.gather(*(agent.stop() for agent in self.agents.values()), return_exceptions=True)

    async def _play(self) -> None:
        while True:
            for happening in self.player.advance(self.now_s):
                self._on_happening(happening)
                if happening.fault is FaultKind.HELP_CALL:
                    await self._press(happening.devices)
            await self._follow()
            await asyncio.sleep(TURN_S)

    async def _press(self, devices: Iterable[SimDevice]) -> None:
        for device in devices:
            await self.agents[device.path or device.centre].help_call(device.name_on_path)

    async def _follow(self) -> None:
        """Lets the agents on which something lies, or lay a moment ago, become what the world says."""
        now = SystemClock().now()
        troubled = self.world.troubled_paths()
        concerned = [self.agents[path] for path in troubled | self._troubled if path in self.agents]
        self._troubled = troubled
        if concerned:
            await asyncio.gather(*(agent.follow(now) for agent in concerned))


def allow_files(wanted: int) -> None:
    """Raises this process's limit of open files where it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
