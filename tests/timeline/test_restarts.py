"""Whatever is killed, nothing decided is forgotten and nothing happens twice."""

import asyncio
import random

import pytest

from tests.servers import Mosquitto
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_silence import keep_reporting

pytestmark = pytest.mark.system


async def test_the_collector_killed_while_a_terminal_is_out(house: House, receiver: Receiver) -> None:  # fault 2
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        await house.until(lambda: receiver.types == ["opened device_silent"])
        for _ in range(3):
            house.collector.kill()
            house.collector.start()
        await agent.until(lambda: agent.client.connected)
        await asyncio.sleep(0)
        await agent.report(terminal("call-02"))
        await agent.until_acked()
        incidents = house.incidents(cause="device_silent")
        assert [(i.device, i.closed_at) for i in incidents] == [("call-01", None)], "one incident, and still open"
        await agent.report(terminal("call-01"))
        await house.until(lambda: house.incidents(cause="device_silent")[0].closed_at)
        await house.until(lambda: len(receiver.types) == 2)
        talking.cancel()
    assert receiver.types == ["opened device_silent", "closed device_silent"]
    await agent.stop()


async def test_rows_sent_while_the_collector_is_killed_again_and_again(house: House) -> None:  # faults 2, 11
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    chance = random.Random(20261124)
    calls: set[str] = set()

    async def kill_at_random() -> None:
        for _ in range(6):
            await asyncio.sleep(chance.uniform(0.1, 0.8))
            house.collector.kill()
            await asyncio.to_thread(house.collector.start)

    async with asyncio.TaskGroup() as group:
        killing = group.create_task(kill_at_random())
        while not killing.done():
            await agent.report(terminal("call-01"), terminal("call-02"))
            if chance.random() < 0.2:
                calls.add(f"6f1c1c1e-0000-4000-8000-{len(calls):012d}")
                await agent.event("help_call", "call-02", id=max(calls))
            await asyncio.sleep(0.02)
    for seq in range(1, agent.seq + 1):  # what is not acked is sent again, as every agent does
        if not any(low <= seq <= high for low, high in agent.acks.get(agent.boot, [])):
            await agent.report(terminal("call-01"), seq=seq)
    await agent.until_acked(*range(1, agent.seq + 1), within_s=20)
    rows = house.journal()
    assert len(rows) == len(set(rows)), "no row is twice in the journal"
    assert {seq for _, seq in rows} == set(range(1, agent.seq + 1))
    found = {id_ for (id_,) in house.query("select id from events")}
    assert found <= calls
    stored_calls = house.query("select count(*) from timeline where what = 'pressed'")[0][0]
    assert stored_calls == len(found), "each call that is stored was decided on once"
    assert len(house.incidents(cause="help_call")) == 1
    await agent.stop()


async def test_rows_of_centres_without_a_snapshot_are_known_after_a_restart(house: House) -> None:  # faults 2, 11
    centres = [f"15052510020{number}" for number in range(1, 4)]
    house.fleet(*centres)
    house.collector.start()
    agents = [await Agent(house.broker, centre).start() for centre in centres]
    for agent in agents:
        await agent.report(terminal("call-01"), terminal("call-02"))
    for agent in agents:
        await agent.until_acked(1)
    await house.until(lambda: house.query("select path from snapshots"), why="the first has its turn within a second")
    house.collector.kill()
    house.collector.start()
    for agent in agents:
        await agent.until(lambda agent=agent: agent.client.connected)
        agent.acks.clear()
        await agent.report(terminal("call-01"), seq=1)
        await agent.until_acked(1)
    assert sorted(house.journal()) == sorted((agent.boot, 1) for agent in agents), "no row is twice in the journal"
    await asyncio.gather(*(agent.stop() for agent in agents))


async def test_what_is_stored_is_known_after_two_restarts_and_a_cleared_journal(house: House) -> None:  # faults 2, 11
    centres = [f"15052510020{number}" for number in range(1, 4)]
    house.fleet(*centres)
    house.collector.start()
    house.recorder.start()
    agents = [await Agent(house.broker, centre).start() for centre in centres]
    for agent in agents:
        await agent.report(terminal("call-01"), terminal("call-02"))
    for agent in agents:
        await agent.until_acked(1)
    house.collector.kill()
    house.collector.start()
    await house.until(lambda: not house.journal(), within_s=30, why="nobody needs its rows any more")
    house.collector.kill()
    house.collector.start()
    for agent in agents:
        await agent.until(lambda agent=agent: agent.client.connected)
        agent.acks.clear()
        await agent.report(terminal("call-01"), seq=2)
        await agent.until_acked(2)
        assert agent.acks[agent.boot] == [[1, 2]], "an ack is the whole truth"
    await asyncio.gather(*(agent.stop() for agent in agents))


async def test_the_broker_restarts_and_forgets_everything(
    house: House, receiver: Receiver, mosquitto: Mosquitto
) -> None:  # faults 7, 8
    house.fleet(silent_after_s=6)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await house.until(lambda: house.query("select * from paths where online"))
    await agent.until(lambda: agent.configs)
    before = len(agent.configs)
    mosquitto.kill()
    await asyncio.sleep(4)  # longer than the centre's own limit: were the collector not deaf, it would be lost
    mosquitto.start()
    await house.until(lambda: house.collector.said("event=hearing") >= 2, within_s=20)
    await agent.until(lambda: agent.client.connected)
    await agent.report(terminal("call-01"), terminal("call-02"))
    await agent.until_acked()
    await agent.until(lambda: len(agent.configs) > before)
    assert house.incidents() == []
    assert receiver.types == []
    await agent.stop()


async def test_deaf_is_not_silent_and_is_said(house: House, receiver: Receiver, mosquitto: Mosquitto) -> None:
    house.collector_settings(SHOUWANG_SPEED="20")  # deafness is said after 3 s
    house.fleet(silent_after_s=400, notify_after_s=20, report_every_s=100, centre_silent_after_s=400)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await agent.until_acked()
    mosquitto.pause()
    deaf = (await house.until(lambda: house.incidents(cause="collector_deaf"), within_s=30))[0]
    assert deaf.severity == "critical"
    await house.until(lambda: receiver.types == ["opened collector_deaf"], why="told, although nothing is heard")
    assert [i.cause for i in house.incidents()] == ["collector_deaf"]
    mosquitto.resume()
    await house.until(lambda: house.incidents(cause="collector_deaf")[0].closed_at, within_s=30)
    await agent.stop()


async def test_the_deafness_of_a_collector_that_crashes_is_counted_from_its_last_good_hearing(
    house: House, receiver: Receiver, mosquitto: Mosquitto
) -> None:  # fault 4
    house.collector_settings(SHOUWANG_SPEED="10")  # deafness is said after 6 s
    house.fleet()
    house.collector.start()
    mosquitto.stop()
    for _ in range(4):  # no life of it is as long as the limit
        house.collector.kill()
        house.collector.start(ready=False)
        await asyncio.sleep(2)
    deaf = await house.until(lambda: house.incidents(cause="collector_deaf"))
    assert deaf[0].opened_at - deaf[0].since >= 6_000
    await house.until(lambda: receiver.types == ["opened collector_deaf"])
