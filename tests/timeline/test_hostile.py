"""What one centre sends, however much or strange, costs no other."""

import asyncio
import statistics

import pytest

from shouwang import clock
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver

pytestmark = pytest.mark.system
OTHER = "150525100202"
CALLS = 3


async def told_after_s(house: House, receiver: Receiver, agent: Agent, device: str) -> float:
    """How long after its button was pressed a help call is with the receiver."""
    before, pressed_s = len(receiver.received), clock.mono_s()
    await agent.event("help_call", device)
    await house.until(lambda: len(receiver.received) > before, within_s=10, why="told")
    return clock.mono_s() - pressed_s


async def test_50_megabytes_are_refused_and_the_others_are_heard(house: House, receiver: Receiver) -> None:  # fault 35
    house.fleet(CENTRE, OTHER, silent_after_s=30, centre_silent_after_s=30)
    house.collector.start()
    huge = await Agent(house.broker, CENTRE).start()
    other = await Agent(house.broker, OTHER).start()
    await huge.report(terminal())
    await other.report(terminal())
    connected = huge.connections
    huge.client.publish(f"shouwang/v1/150525/{CENTRE}/report", b"x" * (50 << 20))
    await huge.until(lambda: huge.connections > connected and huge.client.connected, within_s=20)
    assert await told_after_s(house, receiver, other, "call-01") < 5
    # What the broker just lets through, the collector sets aside.
    await huge.send("report", b'{"v":1,"boot":"' + b"x" * ((1 << 20) + 1000))
    await house.until(lambda: [a for a in house.asides("too_large") if a[0] == CENTRE])
    await huge.report(terminal())
    await huge.until_acked(huge.seq)
    await other.report(terminal())
    await other.until_acked()
    assert house.collector.said("event=deaf") == 0
    await asyncio.gather(huge.stop(), other.stop())


async def test_one_centre_floods_and_is_named_and_the_others_are_on_time(
    house: House, receiver: Receiver
) -> None:  # fault 36
    house.fleet(CENTRE, OTHER, terminals=CALLS, silent_after_s=60, centre_silent_after_s=60)
    house.collector.start()
    flooding = await Agent(house.broker, CENTRE).start()
    other = await Agent(house.broker, OTHER).start()
    await other.report(terminal())
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:  # some thousands a second
            for _ in range(200):
                flooding.seq += 1
                sent += 1
                await asyncio.sleep(0)
                report = flooding.report(terminal(), seq=flooding.seq)
                task = asyncio.ensure_future(report)
                task.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.sleep(0.05)

    began_s = clock.mono_s()
    task = asyncio.create_task(flood())
    await house.until(lambda: house.asides("flooding"), within_s=20, why="named")
    late_s = [await told_after_s(house, receiver, other, f"call-{n + 1:02d}") for n in range(CALLS)]
    rate = sent / (clock.mono_s() - began_s)
    task.cancel()
    assert statistics.median(late_s) < 1, late_s
    assert rate > 500, "it was a flood"
    assert {path for path, *_ in house.asides("flooding")} == {CENTRE}
    await other.report(terminal())
    await other.until_acked(within_s=5)
    await asyncio.gather(flooding.stop(), other.stop())


async def test_a_newer_and_an_older_agent(house: House) -> None:  # fault 44
    house.fleet(silent_after_s=30)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    newer = terminal("call-01", heart_rate=61, mood={"of": ["the", "day"]})
    unknown = {"device": "robot-01", "kind": "care_robot", "age_ms": 0, "arms": 2}
    await agent.report(newer, unknown, compressed=False, hops=[1, 2])
    await agent.event("fall_detected", "call-02", confidence=0.9, detail={"room": "kitchen"})
    # An older agent knows none of the optional fields.
    await agent.report({"device": "call-02", "kind": "call_terminal", "age_ms": 5, "reachable": True})
    await agent.until_acked(1, 2, 3)
    await house.until(lambda: house.query("select count(*) from conditions where condition = 'ok'") == [(2,)])
    assert house.asides("unknown_kind") == [(CENTRE, "robot-01", "care_robot", 1)]
    assert house.query("select event, name from events") == [("fall_detected", "call-02")]
    assert house.incidents() == []
    await agent.stop()
