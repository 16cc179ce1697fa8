"""Everything is killed at random moments under load; then what was sent is held against what was stored and told."""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from collector.recorder.file import read_state
from simulators.fleet import FEEDS, naiman
from tests.servers import need_server
from tests.timeline.comparison import Decided, committed, compare_readings, our_kinds, stored
from tests.timeline.drain import drain
from tests.timeline.product import Devices, EdgeAgent, Serve, Simulation, write_fleet
from tests.timeline.receiver import Receiver
from tests.waiting import SELDOM_S, until

CENTRES = 20
OURS = "150525199201"
LASTS_S = float(os.environ.get("CHAOS_SECONDS", "120"))
KILL_EVERY_S = 5.0
VICTIMS = ("broker", "collector", "recorder", "api", "simulation", "agent")

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(480)]


class Chaos:
    """What runs, and how it is killed."""

    def __init__(self, folder: Path, receiver: Receiver, devices: Devices, seed: int) -> None:
        fleet = naiman(CENTRES, seed=seed)
        self.serve = Serve(folder, write_fleet(folder / "fleet.csv", fleet, OURS, devices), receiver.url)
        scenario = Path(__file__).with_name("chaos.toml")
        self.simulation = Simulation(folder, self.serve.broker_url, CENTRES, scenario, seed)
        self.agent = EdgeAgent(folder, self.serve.broker_url, OURS)
        self.outboxes = [
            *((path, self.simulation.outboxes / f"{path}.db") for path in [*(c.centre for c in fleet), *FEEDS]),
            (OURS, self.agent.outbox),
        ]
        self.kills: Counter[str] = Counter()

    def start(self) -> None:
        self.serve.start()
        self.simulation.start()
        self.agent.start()

    def stop(self) -> None:
        for program in (self.agent, self.simulation, self.serve):
            program.stop()

    def kill(self, victim: str) -> None:
        """Ours are started again at once; the supervisor starts its own."""
        if victim in ("simulation", "agent"):
            program = self.simulation if victim == "simulation" else self.agent
            program.kill()
            program.start()
        elif victim == "everything":
            self.serve.power_cut()
            self.serve.start()
        elif not self.serve.kill_child(victim):
            return  # it has not come back from the last time
        self.kills[victim] += 1


async def test_killed_at_random_under_load_nothing_is_lost_doubled_or_left_untold(
    tmp_path: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:  # faults 1, 2, 3, 7, 8
    need_server("mosquitto")
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10_000)))
    with capsys.disabled():
        print(f"\nchaos: CHAOS_SEED={seed}", flush=True)
    chance = random.Random(seed)
    receiver.answers = [chance.choice([(204, b"")] * 8 + [(503, b"busy"), (500, b"")]) for _ in range(2_000)]
    receiver.answers.append((204, b""))
    with Devices(8) as devices:
        chaos = Chaos(tmp_path, receiver, devices, seed)
        decided = Decided(chaos.serve.state / "ledger.db")
        try:
            chaos.start()
            await until(
                lambda: decided.count("select count(*) from paths where online") >= CENTRES, "all heard", 40, SELDOM_S
            )
            await until(
                lambda: decided.count("select count(*) from conditions c join devices d on d.id = device_id"
                                      " where d.centre = ?", OURS) == 8, "the agent's devices heard", 30, SELDOM_S,
            )  # fmt: skip
            await _kill_at_random(chaos, devices, chance)
            down = f"select count(*) from incidents where centre = '{OURS}' and closed_at is null and told_at > 0"
            await until(lambda: decided.count(down) == 1, "the unplugged terminal told", 90, SELDOM_S)
            chaos.simulation.stop()
            chaos.agent.stop()
            await drain(chaos.outboxes, chaos.serve.broker_url, within_s=120)
            await until(lambda: _all_recorded(chaos.serve.state), "the recorder has caught up", 30, SELDOM_S)
            tell_due = "select count(*) from notifications where accepted_at is null"
            await until(lambda: decided.count(tell_due) == 0, "everything owed was accepted", 60, SELDOM_S)
            await until(lambda: chaos.serve.answers("/readyz") == 200, "all is well in the end", 30, SELDOM_S)
        finally:
            chaos.stop()
    kinds = our_kinds()
    sent = committed(chaos.outboxes, kinds)
    said = {"rows": len(sent.rows), "boots": len({boot for boot, _ in sent.rows})}
    assert sent.unacked == 0
    assert sent.lost_rows == 0
    kept = stored(chaos.serve.state / "readings.db", kinds, sent.readings)
    said |= compare_readings(sent, kept, decided.probes())
    said |= decided.compare_calls(sent)
    said |= decided.compare_incidents()
    said |= decided.compare_notifications(receiver.received)
    unplugged = decided.query("select * from incidents where centre = ? and device = 'call-01'", OURS)
    assert [(i["cause"], i["closed_at"]) for i in unplugged] == [("device_down", None)], "down once, and still open"
    assert not decided.query("select * from asides"), "nothing was set aside"
    with capsys.disabled():
        print("  kills:", ", ".join(f"{name} {count}" for name, count in sorted(chaos.kills.items())))
        print("  compared:", ", ".join(f"{what} {count}" for what, count in said.items()), flush=True)


async def _kill_at_random(chaos: Chaos, devices: Devices, chance: random.Random) -> None:
    """Each in its turn, in a random order, at random moments; once all at once."""
    count = int(LASTS_S / KILL_EVERY_S)
    victims: list[str] = []
    while len(victims) < count:
        victims += chance.sample(VICTIMS, len(VICTIMS))
    victims[count * 2 // 3] = "everything"
    for number, victim in enumerate(victims[:count]):
        if number == count // 2:
            await asyncio.to_thread(devices.unplug, "call-01")
        await asyncio.sleep(chance.uniform(0.3, 2 * KILL_EVERY_S - 0.3))
        chaos.kill(victim)


def _all_recorded(state: Path) -> bool:
    recorder = read_state(state)
    return recorder is not None and recorder.lag_rows == 0 and recorder.failing_since_ms is None
