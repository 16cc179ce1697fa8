"""The stores fail behind the watch: charts lag and the ledger waits, and who is out is seen within its second."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector.recorder.file import read_asides, read_state
from tests.servers import Bucket, Database, Mosquitto
from tests.timeline.agent import Agent, terminal
from tests.timeline.house import CENTRE, House
from tests.timeline.receiver import Receiver
from tests.timeline.test_silence import keep_reporting

pytestmark = pytest.mark.system

SPEED = 20
"""A store that fails is said after 3 s instead of a minute."""
LIMITS: dict[str, Any] = {"report_every_s": 1.0 * SPEED, "silent_after_s": 2.0 * SPEED, "notify_after_s": 1.0 * SPEED}
OTHERS_READ = """from(bucket: "BUCKET") |> range(start: -1h)
 |> filter(fn: (r) => r._measurement == "call_terminal" and r.device == "call-02" and r._field == "reachable")
 |> keep(columns: ["_time", "_value"])"""


def influx_house(folder: Path, mosquitto: Mosquitto, receiver: Receiver, influxdb: Bucket) -> House:
    return House(
        folder,
        mosquitto.url,
        receiver.url,
        SHOUWANG_SPEED=str(SPEED),
        SHOUWANG_READINGS__URL=influxdb.url,
        SHOUWANG_READINGS__ORG=influxdb.org,
        SHOUWANG_READINGS__BUCKET=influxdb.bucket,
        SHOUWANG_READINGS__TOKEN=influxdb.token,
    )


def caught_up(house: House) -> bool:
    state = read_state(house.state)
    return state is not None and state.lag_rows == 0 and state.failing_since_ms is None and state.stored > 0


def stored(house: House) -> int:
    state = read_state(house.state)
    return 0 if state is None else state.stored


async def test_influxdb_hangs_and_the_watch_does_not_notice(
    tmp_path: Path, mosquitto: Mosquitto, receiver: Receiver, influxdb: Bucket
) -> None:  # fault 25
    house = influx_house(tmp_path, mosquitto, receiver, influxdb)
    house.fleet(centre_silent_after_s=3.0 * SPEED, **LIMITS)
    house.collector.start()
    house.recorder.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await house.until(lambda: caught_up(house), why="stored")
    influxdb.server.pause()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        silent = (await house.until(lambda: house.incidents(cause="device_silent")))[0]
        gone_at = house.query("select at from transitions where condition = 'silent'")[0][0]
        assert silent.opened_at - gone_at < 1_000, "within its second, whatever the store does"
        await house.until(lambda: "opened device_silent" in receiver.types)
        failing = (await house.until(lambda: house.incidents(cause="store_failing"), within_s=40))[0]
        await house.until(lambda: "opened store_failing" in receiver.types)
        await agent.until_acked(agent.seq)  # agents are acknowledged: the journal holds what the store does not take
        influxdb.server.resume()
        await house.until(lambda: house.incidents(id=failing.id)[0].closed_at, within_s=40)
        await house.until(lambda: receiver.types.count("closed store_failing") == 1)
        talking.cancel()
    assert len(house.incidents(cause="store_failing")) == 1, "once"
    await agent.until_acked(agent.seq)
    await house.until(lambda: stored(house) == agent.seq + 1, within_s=30, why="every reading of the time it hung")
    assert influxdb.rows(OTHERS_READ)
    await agent.stop()
    house.close()


async def test_a_bucket_that_is_gone_is_one_clear_incident(
    tmp_path: Path, mosquitto: Mosquitto, receiver: Receiver, influxdb: Bucket
) -> None:  # fault 27
    house = influx_house(tmp_path, mosquitto, receiver, influxdb)
    house.collector_settings(SHOUWANG_READINGS__BUCKET="nobody-made-it")
    house.fleet(centre_silent_after_s=30.0 * SPEED, silent_after_s=30.0 * SPEED)
    house.collector.start()
    house.recorder.start()
    agent = await Agent(house.broker, CENTRE).start()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-01", "call-02"))
        failing = (await house.until(lambda: house.incidents(cause="store_failing"), within_s=30))[0]
        assert "nobody-made-it" in failing.reasons[0], "the reason says what is wrong"
        await house.until(lambda: receiver.types == ["opened store_failing"])
        talking.cancel()
    assert len(house.incidents()) == 1
    await agent.stop()
    house.close()


async def test_a_field_of_another_type_costs_itself_alone(
    tmp_path: Path, mosquitto: Mosquitto, receiver: Receiver, influxdb: Bucket
) -> None:  # fault 26
    async with httpx.AsyncClient(headers={"Authorization": f"Token {influxdb.token}"}, timeout=10) as somebody:
        line = f'call_terminal,centre={CENTRE},device=call-09 battery_percent="plenty" {time.time_ns()}'
        where = f"{influxdb.url}/api/v2/write?org={influxdb.org}&bucket={influxdb.bucket}"
        (await somebody.post(where, content=line)).raise_for_status()
    house = influx_house(tmp_path, mosquitto, receiver, influxdb)
    house.fleet(centre_silent_after_s=30.0 * SPEED, silent_after_s=30.0 * SPEED)
    house.collector.start()
    house.recorder.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01", battery_percent=87.0), terminal("call-02"))
    await agent.report(terminal("call-01", battery_percent=86.0), terminal("call-02"))
    await agent.until_acked(1, 2)
    await house.until(lambda: caught_up(house), within_s=20, why="it does not try for ever")
    await house.until(lambda: influxdb.rows(OTHERS_READ), why="what is beside it is stored")
    said = read_asides(house.state, 10)
    assert said, "what could not be stored is kept, with its reason"
    assert all("battery_percent" in aside.detail for aside in said)
    assert house.incidents() == []
    await agent.stop()
    house.close()


async def test_postgresql_restarts_in_the_midst(
    tmp_path: Path, mosquitto: Mosquitto, receiver: Receiver, postgres: Database
) -> None:  # fault 33
    house = House(tmp_path, mosquitto.url, receiver.url, ledger_url=postgres.url)
    house.fleet()
    house.collector.start()
    agent = await Agent(house.broker, CENTRE).start()
    await agent.report(terminal("call-01"), terminal("call-02"))
    await house.until(lambda: house.query("select count(*) from conditions") == [(2,)])
    postgres.server.kill()
    async with asyncio.TaskGroup() as group:
        talking = group.create_task(keep_reporting(agent, "call-02"))
        await house.until(lambda: house.collector.said("the ledger does not take"), why="it is said")
        await agent.event("help_call", "call-02")
        await agent.until_acked(agent.seq)  # it is in the journal
        postgres.server.start()
        silent = await house.until(lambda: house.incidents(cause="device_silent"), within_s=30)
        assert [i.device for i in silent] == ["call-01"]
        await house.until(lambda: {"opened help_call", "opened device_silent"} <= set(receiver.types), within_s=20)
        await agent.report(terminal("call-01"))
        await house.until(lambda: house.incidents(cause="device_silent")[0].closed_at)
        talking.cancel()
    opened = "select incident_id, count(*) from timeline where what in ('opened', 'pressed') group by incident_id, what"
    assert [count for _, count in house.query(opened)] == [1, 1, 1], "effect once"
    assert len(house.incidents()) == 2
    told = [(id_, body["incident"]["id"]) for id_, body in receiver.received if body["type"] == "incident.opened"]
    assert len({id_ for id_, _ in told}) == len({incident for _, incident in told}) == 2
    await agent.stop()
    house.close()
