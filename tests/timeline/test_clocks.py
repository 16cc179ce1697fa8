"""Whether something is alive depends on no wall clock, the agent's or ours."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shouwang import clock
from tests.servers import need_server
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_silence import keep_reporting

pytestmark = pytest.mark.system

HOUR_MS = 3_600_000
TEN_YEARS_MS = 10 * 365 * 24 * HOUR_MS
Step = Callable[[int], None]


@pytest.fixture
def step(house: House, tmp_path: Path) -> Step:
    """`step(ms)` sets the collector's wall clock off by so much, from now on."""
    compiler = need_server("cc")  # what steps a process's wall clock is built here
    library, offset = tmp_path / "stepped_clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("stepped_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    house.collector_settings(LD_PRELOAD=str(library), STEPPED_CLOCK=str(offset))

    def to(ms: int) -> None:
        new = offset.with_suffix(".new")
        new.write_text(str(ms))
        new.replace(offset)

    to(0)
    return to


async def test_an_agent_whose_clock_is_years_ahead(house: House, receiver: Receiver) -> None:  # fault 21
    house.fleet()
    house.device("site", "site")
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    ahead_ms = clock.wall_ms() + TEN_YEARS_MS
    site = {"device": "site", "kind": "site", "age_ms": 0, "mains_power": True, "clock_offset_ms": float(TEN_YEARS_MS)}
    await agent.report(terminal("call-01"), terminal("call-02"), site, sent_at_ms=ahead_ms)
    degraded = "select c.condition, c.reasons from conditions c join devices on id = device_id where kind = 'site'"
    await house.until(lambda: house.query(degraded) == [("degraded", '["clock_ahead"]')], why="its clock is said")
    async with asyncio.TaskGroup() as group:

        async def talk() -> None:
            while True:
                await agent.report(terminal("call-02"), site, sent_at_ms=clock.wall_ms() + TEN_YEARS_MS)
                await asyncio.sleep(0.5)

        talking = group.create_task(talk())
        opened = (await house.until(lambda: house.incidents(cause="device_silent"), why="nothing is immortal"))[0]
        assert opened.device == "call-01"
        assert abs(opened.since - (clock.wall_ms() - 2_000)) < 5_000, "on our clock, not on its"
        await house.until(lambda: "opened device_silent" in receiver.types)
        talking.cancel()
    future = house.query("select count(*) from transitions where at > known_at")
    assert future == [(0,)]
    await agent.stop()


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS], ids=["an hour forward", "an hour back"])
async def test_the_collectors_clock_is_stepped(
    house: House, receiver: Receiver, step: Step, by_ms: int
) -> None:  # faults 22, 23
    house.fleet(notify_after_s=0)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-01", "call-02"))
        await agent.until(lambda: agent.seq >= 2)
        await agent.until_acked(1)
        step(by_ms)
        await agent.until_acked(agent.seq + 6)  # longer than the limit
        assert house.incidents() == []
        talking.cancel()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        last_good_s = clock.mono_s()
        opened = (await house.until(lambda: house.incidents(cause="device_silent")))[0]
        assert 1 < clock.mono_s() - last_good_s < 5, "its limit is what it was"
        await house.until(lambda: receiver.types == ["opened device_silent"])
        step(0)  # and back, while it is out
        await agent.until_acked(agent.seq + 3)
        assert [(i.id, i.closed_at) for i in house.incidents()] == [(opened.id, None)], "no second one"
        await agent.report(terminal("call-01"))
        await house.until(lambda: house.incidents(id=opened.id)[0].closed_at)
        await house.until(lambda: receiver.types == ["opened device_silent", "closed device_silent"])
        talking.cancel()
    assert house.query("select count(*) from transitions where at > known_at") == [(0,)], "no negative age"
    assert [i.cause for i in house.incidents()] == ["device_silent"]
    await agent.stop()


async def test_the_collectors_machine_is_suspended(house: House, receiver: Receiver) -> None:  # fault 24
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await agent.until_acked()
    house.collector.pause()
    await asyncio.sleep(6)  # three times the limit
    house.collector.resume()
    await house.until(lambda: house.collector.said("event=away"), why="it knows that it was away")
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-01", "call-02"))
        await house.until(lambda: house.collector.said("event=hearing") == 2)
        await agent.until_acked(agent.seq + 4)
        talking.cancel()
    assert house.incidents() == [], "it was deaf, nobody was silent"
    assert receiver.types == []
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        await house.until(lambda: [i.device for i in house.incidents(cause="device_silent")] == ["call-01"])
        talking.cancel()
    await agent.stop()
