"""Yesterday's state brought back: nobody is alarmed again, and agents send what is missing."""

import asyncio

import pytest

from edge.outbox import Outbox
from edge.rows import Event, Reading
from edge.uplink import Login, Uplink
from shouwang.clock import SystemClock, wall_ms
from shouwang.ledger.backup import backup
from shouwang.ledger.restore import restore
from shouwang.ranges import Ranges
from tests.timeline.house import CENTRE, REGION, House
from tests.timeline.receiver import Receiver

pytestmark = pytest.mark.system

CLOCK = SystemClock()


def reading(device: str, battery_percent: float) -> Reading:
    fields = {"reachable": True, "mains_power": True, "battery_percent": battery_percent}
    return Reading(device, "call_terminal", CLOCK.now().mono_s, fields)


async def test_restored_from_a_backup(house: House, receiver: Receiver) -> None:  # fault 45
    house.fleet(silent_after_s=3)
    house.collector.start()
    house.recorder.start()
    outbox = Outbox(house.state / "outbox.db", CLOCK.now())
    uplink = Uplink(Login(house.broker, REGION, CENTRE), outbox, speed=20)
    await uplink.start()
    sent = 0

    async def talk() -> None:
        nonlocal sent
        while True:
            sent += 1
            await uplink.report([reading("call-02", 20 + sent % 80)])
            await asyncio.sleep(0.4)

    await uplink.report([reading("call-01", 90.0)])
    url = f"sqlite:///{house.state / 'ledger.db'}"
    saved = house.state.parent / f"{house.state.name}-yesterday"
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(talk())
        await house.until(lambda: receiver.types == ["opened device_silent"])
        await house.until(  # accepted is told only once it is written down: before that it would rightly be told again
            lambda: house.query("select * from tries where accepted"), why="that it was told is in the ledger"
        )
        await asyncio.to_thread(backup, house.state, saved, ledger_url=url, now_ms=wall_ms(), version="test")
        at_backup = sent
        call = Event("call-02", "call_terminal", "help_call", CLOCK.now().mono_s)
        await uplink.event(call)
        await house.until(lambda: "opened help_call" in receiver.types)
        await house.until(lambda: sent > at_backup + 5 and not outbox.pending().reports, within_s=30)
        house.collector.stop()
        house.recorder.stop()
        house.engine.dispose()
        restore(house.state, saved, ledger_url=url, now_ms=wall_ms())
        assert house.query("select id from events") == [], "it is yesterday again"
        house.collector.start()
        house.recorder.start()
        await house.until(lambda: house.query("select id from events") == [(call.id,)], within_s=30, why="sent again")
        await house.until(lambda: house.query("select * from incidents where cause = 'help_call'"), why="and decided")
        talking.cancel()
    await house.until(lambda: not outbox.pending().reports, within_s=30, why="all that was missing is stored again")
    silent = house.incidents(cause="device_silent")
    assert [(i.device, i.closed_at) for i in silent] == [("call-01", None)], "one incident, as yesterday"
    told = [id_ for id_, body in receiver.received if body["incident"]["cause"] == "device_silent"]
    assert len(told) == 1, "no alarm again for what was told"
    await uplink.stop()
    outbox.close()
    stored = Ranges()
    for _, seq in house.journal():
        assert seq not in stored, "twice in the journal"
        stored.add(seq)
