"""What comes late completes history, and alarms nobody."""

import asyncio

import pytest

from shouwang import clock
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_silence import keep_reporting

pytestmark = pytest.mark.system

DAY_MS = 86_400_000


async def test_a_backlog_of_days_corrects_history_and_alarms_nobody(
    house: House, receiver: Receiver
) -> None:  # fault 13
    house.fleet(notify_after_s=0)
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await agent.until_acked()
    agent.client.drop()
    await agent.stop()
    lost = (await house.until(lambda: house.incidents(cause="centre_offline")))[0]
    await house.until(lambda: receiver.types == ["opened centre_offline"])
    lost_ms = house.query("select since from paths")[0][0]
    await asyncio.sleep(4)  # nobody knows what is at the centre
    agent = await Agent(house.broker, CENTRE, boot=agent.boot).start()
    agent.seq = 1
    # What is newest comes first, then history: each second of the outage, and three days of before.
    await agent.report(terminal("call-01"), terminal("call-02"))
    back_ms = clock.wall_ms()
    for age_ms in range(0, back_ms - lost_ms, 1_000):
        await agent.report(terminal("call-01", age_ms=age_ms))
    for age_ms in range(DAY_MS, 3 * DAY_MS, DAY_MS // 24):
        await agent.report(terminal("call-01", age_ms=age_ms, reachable=False))
        await agent.report(terminal("call-02", age_ms=age_ms + 500, battery_percent=3.0, mains_power=False))
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-01", "call-02"))
        await agent.until_acked(*range(2, agent.seq + 1), within_s=20)
        await house.until(lambda: house.incidents(id=lost.id)[0].closed_as == "recovered")
        await house.until(lambda: receiver.types == ["opened centre_offline", "closed centre_offline"])
        talking.cancel()
    assert [i.cause for i in house.incidents()] == ["centre_offline"], "no alarm for the past"
    now = house.query("select distinct condition from conditions")
    assert now == [("ok",)], "what it is now is what it last said"
    lies_over = f"sum(min(to_at, since) - max(from_at, {lost_ms}))"
    corrected = house.query(
        f"select {lies_over} from corrections c join devices d on d.id = device_id, paths"
        f" where d.device = 'call-01' and c.condition = 'ok' and to_at > {lost_ms} and from_at < since"
    )[0][0]
    unknown_ms = house.query("select since from paths")[0][0] - lost_ms
    assert corrected >= 0.8 * unknown_ms, "the hours that were unknown are what they were"
    await agent.stop()
