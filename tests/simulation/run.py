"""One history: a village, faults drawn from a seed, then peace, and what must hold after it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from collector.facts import DeedOf
from shouwang.messages import Report, ReportHead
from shouwang.vocabulary import Cause
from tests.collector.village import reading
from tests.simulation.agent import Agent
from tests.simulation.broker import Broker
from tests.simulation.clock import World
from tests.simulation.collector import Collector, Killed
from tests.simulation.disk import Disk
from tests.simulation.invariants import Breach, Invariants
from tests.simulation.village import FEED, Truth, make_fleet

TURN_S = 2.0
DEEP_EVERY = 15
DAY_S = 86_400.0
PEACE_S = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class History:
    """What a run came to."""

    seed: int
    simulated_s: float
    messages: int
    transitions: int
    incidents: int
    notifications: int
    restarts: int
    breach: str = ""


class Simulation:
    """Everything of one seed. The same seed is the same history."""

    def __init__(self, seed: int, days: float) -> None:
        self.seed, self.random = seed, Random(seed)
        self.world = World()
        self.fleet = make_fleet(self.random)
        self.truth = Truth(self.fleet)
        self.disk = Disk()
        self.broker = Broker(self.world, self.random)
        self.collector = Collector(self.fleet, self.world, self.broker, self.disk, self.random)
        self.agents = {
            name: Agent(
                name,
                self.truth,
                self.world,
                self.broker,
                self.random,
                lambda path, boot, seq: (path, boot, seq) in self.disk.stored,
            )
            for name in self.fleet.paths
        }
        self.invariants = Invariants(self.world, self.truth, self.disk, self.collector, self.agents)
        self.faulty_s = days * DAY_S
        self.restarts = 0
        self.collector.crash_chance = self.random.choice([0.0, 0.0, 0.0005, 0.005])
        self.broker.trouble = self.random.choice([0.0, 0.02, 0.2])
        self.dull = self.random.uniform(300, 3000)  # mean seconds between faults

    def run(self) -> History:
        breach = ""
        try:
            self._live()
        except Breach as found:
            breach = str(found)
        ledger = self.disk.ledger
        return History(
            self.seed,
            self.world.at_s,
            self.disk.last,
            len(ledger.transitions),
            len(ledger.incidents),
            len(ledger.owed),
            self.restarts,
            breach,
        )

    def _live(self) -> None:
        for agent in self.agents.values():
            agent.start()
        self._start_collector()
        self.world.later(600, self._strike)
        turns = 0
        while self.world.at_s < self.faulty_s + PEACE_S:
            if self.world.at_s >= self.faulty_s and self.dull:
                self._peace()
            self.world.advance(self.world.at_s + TURN_S)
            self._turn()
            turns += 1
            if turns % DEEP_EVERY == 0:
                for agent in self.agents.values():
                    agent.tend()
                self.invariants.deep()
        self.invariants.finally_()

    def _turn(self) -> None:
        self.invariants.passed(TURN_S)
        try:
            self.collector.turn()
        except Killed:
            self.collector.kill()
            self.world.later(self.random.expovariate(1 / 20), self._start_collector)
        if self.collector.alive:
            self.invariants.turned()

    def _start_collector(self) -> None:
        if not self.collector.alive:
            self.restarts += 1
            self.collector.start()
            self.invariants.recovered()

    # --- faults

    def _strike(self) -> None:
        if not self.dull:
            return
        faults = [
            self._device_breaks,
            self._device_breaks,
            self._device_fails,
            self._switch_dies,
            self._centre_without_power,
            self._uplink_cut,
            self._township_dark,
            self._agent_restarts,
            self._agent_loses_its_clock,
            self._feed_stops,
            self._sim_pool_cut,
            self._broker_down,
            self._session_forgotten,
            self._collector_killed,
            self._collector_suspended,
            self._ledger_slow,
            self._wall_clock_set,
            self._help_call,
            self._somebody_closes,
            self._junk,
        ]
        self.random.choice(faults)()
        self.world.later(self.random.expovariate(1 / self.dull), self._strike)

    def _lasting(self) -> float:
        return self.random.choice([30, 200, 600, 3000]) * self.random.uniform(0.5, 2)

    def _device_breaks(self) -> None:
        self._break([self.random.choice(list(self.fleet.by_id))])

    def _switch_dies(self) -> None:
        self._break([each.id for each in self.fleet.by_path[self._centre()].values()])

    def _sim_pool_cut(self) -> None:
        pool = self.random.choice(["p0", "p1"])
        self._break([each.id for each in self.fleet.by_id.values() if each.sim_pool == pool])

    def _break(self, devices: list[int]) -> None:
        for id_ in devices:
            self.truth.break_down(id_, self.world.at_s)

        def mended() -> None:
            for id_ in devices:
                self._mend(id_)

        self.world.later(self._lasting(), mended)

    def _device_fails(self) -> None:
        id_ = self.random.choice(list(self.fleet.by_id))
        fails: list[dict[str, object]] = [{"reachable": False}]
        if self.fleet.by_id[id_].kind == "call_terminal":
            fails += [{"tamper": True}, {"mains_power": False}]
        self.truth.says[id_] = self.random.choice(fails)
        self.world.later(self._lasting(), lambda: self._mend(id_))

    def _mend(self, id_: int) -> None:
        self.truth.mend(id_)

    def _centre(self) -> str:
        return self.random.choice([name for name in self.fleet.paths if name != FEED])

    def _centre_without_power(self) -> None:
        self._power_cut([self._centre()])

    def _township_dark(self) -> None:
        township = self.random.choice(["t0", "t1"])
        self._power_cut([name for name, each in self.fleet.paths.items() if each.township == township])

    def _feed_stops(self) -> None:
        self._power_cut([FEED])

    def _power_cut(self, names: list[str]) -> None:
        for name in names:
            self.agents[name].stop()
        lasting = self._lasting()
        for name in names:
            self.world.later(lasting + self.random.uniform(0, 30), lambda name=name: self._power_back(name))  # type: ignore[misc]

    def _power_back(self, name: str) -> None:
        if not self.agents[name].running:
            self.agents[name].start()

    def _uplink_cut(self) -> None:
        agent = self.agents[self.random.choice(list(self.agents))]
        agent.uplink = False
        agent.disconnect()

        def back() -> None:
            agent.uplink = True

        self.world.later(self._lasting(), back)

    def _agent_restarts(self) -> None:
        agent = self.agents[self.random.choice(list(self.agents))]
        if agent.running:
            agent.stop()
            self.world.later(self.random.uniform(1, 40), lambda: self._power_back(agent.path))

    def _agent_loses_its_clock(self) -> None:
        agent = self.agents[self._centre()]
        agent.clock_knows = not agent.clock_knows

    def _broker_down(self) -> None:
        self.broker.go_down()
        if self.random.random() < 0.3:
            self.broker.retained = {}
            self.broker.forget_session()

        def back() -> None:
            self.broker.up = True

        self.world.later(self._lasting() / 2, back)

    def _session_forgotten(self) -> None:
        self.broker.forget_session()

    def _collector_killed(self) -> None:
        if self.collector.alive:
            self.collector.kill()
            self.world.later(self._lasting() / 2, self._start_collector)

    def _collector_suspended(self) -> None:
        self.collector.suspended_until = self.world.at_s + self._lasting()

    def _ledger_slow(self) -> None:
        self.collector.slow_ledger = True

        def quick() -> None:
            self.collector.slow_ledger = False

        self.world.later(self._lasting() / 4, quick)

    def _wall_clock_set(self) -> None:
        if self.seed % 3 == 0:
            self.invariants.clock_was_set = True
            self.world.wall_ahead_ms += self.random.choice([-3_600_000, -1000, 1000, 3_600_000])

    def _help_call(self) -> None:
        facts = self.random.choice([each for each in self.fleet.by_id.values() if each.kind == "call_terminal"])
        agent = self.agents[facts.path]
        if agent.running:
            id_ = f"call-{len(self.invariants.pressed):05}"
            self.invariants.pressed[id_] = self.world.at_s
            name = next(name for name, each in self.fleet.by_path[facts.path].items() if each == facts)
            agent.press(name, id_)

    def _somebody_closes(self) -> None:
        if not self.collector.alive or self.collector.slow_ledger:
            return
        records = [each for each in self.disk.ledger.incidents.values() if each.closed_at_ms is None]
        if records:
            record = self.random.choice(records)
            what = self.random.choice(["acknowledge", "note", "close"])
            if what == "close" and record.cause is not Cause.HELP_CALL:
                return  # what a person closes is no breach of I4; that has tests of its own
            now = self.world.now
            self.collector.deciding.deed(DeedOf(1, what, "Bao", "", now.wall_ms, record.id), now)

    def _junk(self) -> None:
        """Readings of devices that are not its own, from a path's agent."""
        name = self._centre()
        other = self.random.choice(list(self.fleet.by_id.values()))
        head = ReportHead(v=1, boot="junk-boot-0001", seq=self.random.randint(1, 10**6), oldest=1, sent_at_ms=0)
        readings = [
            reading("call_terminal", f"{other.centre}/{other.device}", self.random.choice([0, None, 400 * 86_400_000])),
            reading("camera", "no-such-device"),
        ]
        self.broker.publish("report", name, Report(head, readings))

    def _peace(self) -> None:
        """No more faults; everything works again."""
        self.dull = 0.0
        self.collector.crash_chance = self.broker.trouble = 0.0
        self.collector.slow_ledger, self.collector.suspended_until = False, 0.0
        self.broker.up = True
        self._start_collector()
        for id_ in list(self.fleet.by_id):
            self.truth.mend(id_)
        for agent in self.agents.values():
            agent.uplink = True
            if not agent.running:
                agent.start()
