"""One identity borne by two: it is said once, and nothing flaps."""

import asyncio

import pytest

from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_silence import keep_reporting

pytestmark = pytest.mark.system


async def test_two_agents_under_one_identity_are_one_incident_and_nothing_ping_pongs(
    house: House, receiver: Receiver
) -> None:  # faults 38, 39
    house.fleet(silent_after_s=20, centre_silent_after_s=20)
    house.collector.start()
    # A cloned image: the broker lets the newcomer take the session over, and so in turn.
    one = await Agent(house.broker, CENTRE, will_delay_s=3).start()
    other = Agent(house.broker, CENTRE, will_delay_s=3)
    other.client.start()
    async with asyncio.TaskGroup() as group:
        talking = [group.create_task(keep_reporting(agent, "call-01", "call-02")) for agent in (one, other)]
        await house.until(lambda: house.incidents(cause="identity_conflict"), within_s=20)
        await house.until(lambda: receiver.types == ["opened identity_conflict"])
        taken_over = one.connections + other.connections
        await house.until(lambda: one.connections + other.connections >= taken_over + 10, within_s=30)
        for task in talking:
            task.cancel()
    assert [(i.cause, i.centre, i.closed_at) for i in house.incidents()] == [("identity_conflict", CENTRE, None)]
    assert receiver.types == ["opened identity_conflict"]
    paths = house.query("select condition from transitions where device_id is null")
    assert paths == [("online",)], "who comes and goes of the two says nothing of the centre"
    await asyncio.gather(one.stop(), other.stop())


async def test_a_clone_with_the_same_rows_is_told_apart_by_its_boot(house: House) -> None:  # fault 39
    house.fleet()
    house.collector.start()
    one = await Agent(house.broker, CENTRE).start()
    await one.report(terminal("call-01", battery_percent=50.0), seq=1)
    await one.until_acked(1)
    await one.stop()
    clone = await Agent(house.broker, CENTRE).start()  # the same seq, a boot of its own
    await clone.report(terminal("call-01", battery_percent=60.0), seq=1)
    await clone.until_acked(1)
    assert sorted(house.journal()) == sorted([(one.boot, 1), (clone.boot, 1)])
    await clone.stop()
