"""Many at once have one cause, and one message; one that flaps quietens."""

import asyncio
from typing import Any

import pytest

from simulators.fleet import places
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_silence import keep_reporting

pytestmark = pytest.mark.system


def failed_twice(device: str) -> list[dict[str, Any]]:
    """Two probes that failed: then it is down."""
    return [terminal(device, age_ms=age_ms, reachable=False) for age_ms in (20, 0)]


@pytest.mark.timeout(120)
async def test_381_centres_vanish_at_once(house: House, receiver: Receiver) -> None:  # fault 42
    centres = [place.code for place in places()]
    house.fleet(*centres, silent_after_s=120, centre_silent_after_s=60)
    house.collector.start()
    agents = [Agent(house.broker, centre) for centre in centres]
    for agent in agents:
        agent.client.start()
    online = "select count(*) from paths where online"
    await house.until(lambda: house.query(online) == [(381,)], within_s=40, why="all are online")
    async with asyncio.TaskGroup() as group:
        for agent in agents:
            group.create_task(agent.report(terminal("call-01"), terminal("call-02")))
    await house.until(lambda: house.query("select count(*) from conditions") == [(762,)], within_s=20)
    for agent in agents:
        agent.client.drop()
    await asyncio.gather(*(agent.stop() for agent in agents))
    await house.until(lambda: house.query(online) == [(0,)], within_s=20, why="all are lost")
    await house.until(lambda: "opened area_outage" in receiver.types, within_s=20, why="told")
    still_open = [i for i in house.incidents() if i.closed_at is None]
    assert [i.cause for i in still_open] == ["area_outage"]
    outage = still_open[0]
    assert (outage.scope, outage.severity) == ("region:150525", "critical")
    assert (outage.devices_unwatched, outage.terminals_unwatched, len(outage.members)) == (762, 762, 381)
    assert {i.closed_as for i in house.incidents() if i.closed_at} <= {"merged"}
    told = {i.id for i in house.incidents() if i.told_at}
    owed = house.query("select type, incident_id from notifications")
    assert len(owed) <= 4, "few messages"
    merged = {incident for type_, incident in owed if type_ == "merged"}
    assert merged == told - {outage.id}, "who was told of a part is told that it is part of this"
    merged_into = [b["merged_into"] for _, b in receiver.received if b["type"] == "incident.merged"]
    assert set(merged_into) <= {outage.id}


async def test_the_switch_of_a_centre_dies(house: House, receiver: Receiver) -> None:  # fault 43
    house.fleet(terminals=10, silent_after_s=30, centre_silent_after_s=30)
    house.device("site", "site", silent_after_s=30)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    site = {"device": "site", "kind": "site", "age_ms": 0, "mains_power": True}
    names = [f"call-{n + 1:02d}" for n in range(10)]
    await agent.report(site, *(terminal(name) for name in names))
    await agent.until_acked()
    # The agent still speaks: each terminal has stopped answering, one report after the other.
    for name in names:
        await agent.report(site, *failed_twice(name))
    together = (await house.until(lambda: house.incidents(cause="devices_lost_together")))[0]
    await house.until(lambda: receiver.types, why="told")
    await agent.report(site)
    await agent.until_acked()
    together = house.incidents(id=together.id)[0]
    assert (together.centre, together.scope) == (CENTRE, f"switch:{CENTRE}")
    assert (together.devices_unwatched, together.terminals_unwatched, len(together.members)) == (10, 10, 10)
    assert [i.cause for i in house.incidents() if i.closed_at is None] == ["devices_lost_together"]
    assert [t for t in receiver.types if t.startswith("opened")] == ["opened devices_lost_together"]
    await agent.report(site, *(terminal(name) for name in names))
    await house.until(lambda: house.incidents(id=together.id)[0].closed_as == "recovered")
    await house.until(lambda: receiver.types[-1] == "closed devices_lost_together")
    await agent.stop()


async def test_a_terminal_that_flaps_ten_times_wakes_people_once_and_hides_nothing(
    house: House, receiver: Receiver
) -> None:  # fault 48
    house.fleet(silent_after_s=60, centre_silent_after_s=60, notify_after_s=0)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()

    def condition() -> str:
        found = house.query("select condition from conditions join devices on id = device_id where device = 'call-01'")
        return str(found[0][0]) if found else ""

    await agent.report(terminal("call-01"), terminal("call-02"))
    await house.until(lambda: condition() == "ok")
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        for _ in range(10):
            await agent.report(*failed_twice("call-01"))
            await house.until(lambda: condition() == "down")
            await agent.report(terminal("call-01"))
            await house.until(lambda: condition() == "ok")
        await house.until(lambda: receiver.types, why="told")
        await agent.report(*failed_twice("call-01"))
        await house.until(lambda: condition() == "down")
        talking.cancel()
    seen = (
        "select t.condition from transitions t join devices d on d.id = device_id where device = 'call-01' order by at"
    )
    await house.until(lambda: len(house.query(seen)) == 22, why="each change of its condition is kept")
    assert [c for (c,) in house.query(seen)] == ["ok", *["down", "ok"] * 10, "down"]
    flapping = [i for i in house.incidents(cause="device_down") if i.closed_at is None]
    assert [i.flapping for i in flapping] == [True]
    assert len(house.query("select * from notifications")) <= 4, "twenty changes, few messages"
    await agent.stop()
