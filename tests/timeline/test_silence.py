"""A terminal falls silent, and a person is told."""

import asyncio

import pytest

from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver

pytestmark = pytest.mark.system


async def keep_reporting(agent: Agent, *devices: str, every_s: float = 0.5) -> None:
    while True:
        await agent.report(*(terminal(device) for device in devices))
        await asyncio.sleep(every_s)


async def test_a_terminal_falls_silent_and_comes_back(house: House, receiver: Receiver) -> None:
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await agent.until_acked(1)
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        opened = (await house.until(lambda: house.incidents(cause="device_silent")))[0]
        assert opened.device == "call-01"
        silent = house.query("select at, known_at from transitions where condition = 'silent'")[0]
        assert opened.opened_at - silent[0] < 1_000, "opened within a second of its limit"
        assert silent[0] - opened.since == 2_000, "last good, plus its limit"
        await house.until(lambda: receiver.types, why="a person is told")
        assert receiver.types == ["opened device_silent"]
        body = receiver.received[0][1]
        assert body["incident"]["id"] == opened.id
        assert body["url"].endswith(opened.id)
        assert "北老柜村" in body["text"]["zh"]
        await agent.report(terminal("call-01"))
        await house.until(lambda: house.incidents(id=opened.id)[0].closed_at)
        await house.until(lambda: len(receiver.types) == 2)
        assert receiver.types[1] == "closed device_silent"
        talking.cancel()
    await agent.stop()


async def test_one_that_is_heard_again_before_its_time_to_tell_wakes_nobody(house: House, receiver: Receiver) -> None:
    house.fleet(notify_after_s=30)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    agent.answer = terminal("call-01")  # the probe of our own accord finds it well
    await agent.report(terminal("call-01"), terminal("call-02"))
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        await house.until(lambda: [i for i in house.incidents(cause="device_silent") if i.closed_as == "recovered"])
        assert [c["device"] for c in agent.commands] == ["call-01"]
        said = {what for (what,) in house.query("select what from timeline")}
        assert {"opened", "probe_wanted", "probed", "closed"} <= said
        assert receiver.types == []
        talking.cancel()
    await agent.stop()


async def test_a_help_call_is_told_within_a_second_and_only_a_person_closes_it(
    house: House, receiver: Receiver
) -> None:
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"))
    await agent.event("help_call", "call-01")
    await house.until(lambda: receiver.types == ["opened help_call"], within_s=1, why="told within a second")
    await agent.until_acked(2, within_s=2)
    incident = house.incidents(cause="help_call")[0]
    assert (incident.severity, incident.closed_at) == ("emergency", None)
    await agent.report(terminal("call-01"))
    await agent.until_acked(3)
    assert house.incidents(cause="help_call")[0].closed_at is None
    house.deed("close", incident.id, note="家属已到，平安")
    await house.until(lambda: house.incidents(cause="help_call")[0].closed_at)
    assert house.incidents(cause="help_call")[0].outcome == "家属已到，平安"
    await agent.stop()


async def test_a_help_call_sent_twice_is_one(house: House, receiver: Receiver) -> None:  # fault 11
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    for _ in range(3):
        await agent.event("help_call", "call-01", seq=1, id="6f1c1c1e-0000-4000-8000-000000000001")
    other = await Agent(house.broker, CENTRE + "x").start()  # a centre nobody registered changes nothing
    await other.event("help_call", "call-01", seq=1, id="6f1c1c1e-0000-4000-8000-000000000002")
    await agent.report(terminal("call-01"))
    await agent.until_acked(1, 2)
    assert len(house.incidents(cause="help_call")) == 1
    assert len(house.query("select * from events")) == 1
    await house.until(lambda: house.query("select * from asides where reason = 'unknown_centre'"))
    await asyncio.gather(agent.stop(), other.stop())
