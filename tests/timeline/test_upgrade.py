"""A ledger of the first release is upgraded while agents go on reporting: nothing is lost and nothing happens twice."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from collector.packing import unpack
from edge.outbox import Outbox
from edge.rows import Event, Reading
from edge.uplink import Login, Uplink
from shouwang.clock import SystemClock, wall_ms
from shouwang.kinds import Kinds
from shouwang.ledger.migrate import current, downgrade, head, upgrade
from shouwang.readings import open_store
from tests.timeline.house import CENTRE, REGION, House
from tests.timeline.receiver import Receiver

pytestmark = pytest.mark.system

CLOCK = SystemClock()
FIRST = "0001"
STEP_MS = 10
"""Of the latencies that tell readings apart: more than what the store takes for unchanged."""
EVERY_S = 1.2
"""The broker says in whole seconds how long it held a message: readings of one device in the same second may come to
have the same time."""
DEVICES = ("call-02", "call-03", "call-04", "call-05")


class Talker:
    """An agent's outbox and uplink: readings of DEVICES, each known by its latency, and calls for help."""

    def __init__(self, house: House) -> None:
        self.outbox = Outbox(house.state / "outbox.db", CLOCK.now())
        self.uplink = Uplink(Login(house.broker, REGION, CENTRE), self.outbox, speed=20)
        self.sent = 0
        self.calls: list[str] = []
        self.is_enough = False

    async def say(self, *devices: str) -> None:
        fields = {"reachable": True, "mains_power": True, "latency_ms": float((self.sent + 1) * STEP_MS)}
        now_s = CLOCK.now().mono_s
        await self.uplink.report([Reading(device, "call_terminal", now_s, fields) for device in devices])

    async def call(self) -> None:
        event = Event("call-02", "call_terminal", "help_call", CLOCK.now().mono_s)
        self.calls.append(event.id)
        await self.uplink.event(event)

    async def talk(self) -> None:
        """Until `is_enough` is set."""
        while not self.is_enough:
            await self.say(*DEVICES)
            self.sent += 1
            await asyncio.sleep(EVERY_S)

    @property
    def is_through(self) -> bool:
        pending = self.outbox.pending()
        return not pending.reports and not pending.events


def stored(house: House, device: str) -> list[int]:
    """Which readings of a device are in the store, in the order of their times."""
    store = open_store(None, house.state, Kinds())
    try:
        points = store.points(CENTRE, device, "call_terminal", 0, wall_ms() + 60_000, 10_000)
    finally:
        store.close()
    return [round(float(str(point.fields["latency_ms"]))) // STEP_MS for point in points]


def unpacked(journal: Path) -> int:
    """Has the journal's rows lie there as the first release wrote them; gives how many there are."""
    with sqlite3.connect(journal) as db:
        rows = [(unpack(payload), at) for at, payload in db.execute("select position, payload from journal")]
        db.executemany("update journal set payload = ? where position = ?", rows)
    return len(rows)


async def test_upgraded_while_agents_report(house: House, receiver: Receiver) -> None:  # fault 46
    house.fleet(terminals=5, silent_after_s=4, centre_silent_after_s=6)
    house.collector.start()
    house.recorder.start()
    talker = Talker(house)
    await talker.uplink.start()
    await talker.say("call-01")
    async with asyncio.TaskGroup() as group:
        group.create_task(talker.talk())
        await house.until(lambda: receiver.types == ["opened device_silent"])
        await talker.call()
        await house.until(lambda: house.query("select * from tries where accepted"), why="told, and written down")
        await house.until(lambda: len(receiver.types) == 2, why="the call is told")
        house.recorder.stop()
        at_rest = talker.sent
        await house.until(lambda: talker.sent > at_rest + 1 and talker.is_through, why="rows wait for the recorder")
        house.collector.stop()
        # As the first release left it; agents are still talking to the broker.
        await asyncio.to_thread(downgrade, house.engine, FIRST)
        assert unpacked(house.state / "journal.db") > 0
        assert current(house.engine) == FIRST
        at_stop = talker.sent
        await talker.call()
        await house.until(lambda: talker.sent > at_stop + 3)
        house.collector.start(ready=False)
        house.collector.kill()  # cut short, before or within its upgrade
        assert current(house.engine) in (FIRST, head()), "as it was, or done; never between"
        await asyncio.gather(asyncio.to_thread(house.recorder.start), asyncio.to_thread(house.collector.start))
        assert current(house.engine) == head()
        assert not upgrade(house.engine)
        await house.until(lambda: len(house.query("select id from events")) == 2, within_s=30, why="the call is there")
        at_start = talker.sent
        await house.until(lambda: talker.sent > at_start + 2)
        talker.is_enough = True
    await house.until(lambda: talker.is_through, within_s=30, why="all is stored")
    for device in DEVICES:
        await house.until(lambda device=device: talker.sent in stored(house, device), within_s=30, why="all is written")
        assert stored(house, device) == list(range(1, talker.sent + 1)), "every reading is there once, in its order"
    assert {id_ for (id_,) in house.query("select id from events")} == set(talker.calls)
    silent = house.incidents(cause="device_silent")
    assert [(i.device, i.closed_at) for i in silent] == [("call-01", None)], "one incident, as before the upgrade"
    told = [id_ for id_, body in receiver.received if body["incident"]["cause"] == "device_silent"]
    assert len(told) == 1, "and told once"
    await talker.uplink.stop()
    talker.outbox.close()
