"""A help call that nobody acknowledges goes other ways, against a real broker, a modem on a line and a real coil."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from smspdudecoder.easy import read_outgoing_sms

from edge.allowed import Allowed, AllowedFile
from edge.fallback import FallbackFile, Fallbacks, SecondUplink, Siren, Sms, Tries, UplinkLine, Way
from edge.outbox import Outbox
from edge.probing import Around
from edge.rows import Event
from edge.uplink import Login, Uplink
from shouwang.clock import SystemClock
from simulators.devices.modem import SimModem
from tests.conftest import MosquittoStarter
from tests.edge.listening import REGION, Listener
from tests.servers import Mosquitto, free_port
from tests.waiting import until

pytestmark = pytest.mark.system

CLOCK = SystemClock()
NUMBER = "+8613800000001"


@asynccontextmanager
async def agent(folder: Path, broker: Mosquitto, *ways: Way) -> AsyncIterator[Uplink]:
    """Outbox, uplink and fallbacks as an agent has them."""
    outbox = Outbox(folder / "outbox.db", CLOCK.now())
    tries = Tries(folder / "fallbacks.db")
    uplink = Uplink(Login(broker.url, REGION, "centre-1"), outbox, speed=20)
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), clock=CLOCK)
    line = UplinkLine(uplink, outbox, CLOCK)
    fallbacks = Fallbacks(FallbackFile(way=list(ways), wait_s=1.0), tries, line, around, "centre-1")
    uplink.event_kept = fallbacks.look
    await uplink.start()
    running = asyncio.create_task(fallbacks.run())
    try:
        yield uplink
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await uplink.stop()
        tries.close()
        outbox.close()


async def press(uplink: Uplink, device: str = "call-01") -> str:
    event = Event(device, "call_terminal", "help_call", CLOCK.now().mono_s)
    await uplink.event(event)
    return event.id


@pytest.fixture
async def modem() -> AsyncIterator[SimModem]:
    made = await SimModem().start()
    yield made
    made.stop()


def used(listener: Listener, way: str) -> list[dict[str, object]]:
    told = {event.id: event.detail for event in listener.events if event.event == "fallback_used"}
    return [detail for detail in told.values() if detail["way"] == way]


async def nothing_due(listener: Listener) -> None:
    await until(lambda: not listener.acks_due, "its ack is on its way")


async def test_a_text_message_goes_out_once_and_is_told_later(
    tmp_path: Path, mosquitto: Mosquitto, modem: SimModem
) -> None:
    sms = Sms(modem.path, [NUMBER, "120"])
    async with Listener(mosquitto.url, "centre-1", acking=False) as listener:
        async with agent(tmp_path, mosquitto, sms) as uplink:
            call = await press(uplink)
            await until(lambda: len(modem.messages) == 2, "both numbers are told")
            await press(uplink)  # pressed again a moment later: nobody is told twice
            await until(lambda: len(used(listener, "sms")) == 2, "both tries are told")
        async with agent(tmp_path, mosquitto, sms) as uplink:  # begun anew, still without an ack
            await press(uplink, "call-02")
            await until(lambda: len(modem.messages) == 4, "another, which has waited long enough, is told")
            listener.acking = True
            listener.acknowledge()
        told = [read_outgoing_sms(coded) for coded in modem.messages]
        assert [each["recipient"] for each in told] == [NUMBER, "120", NUMBER, "120"]
        assert ["call-01" in each["content"] for each in told] == [True, True, False, False], "the first one, once"
        first, second, *_ = used(listener, "sms")
        assert first == {"call": call, "way": "sms", "ok": True, "said": "sent to …0001, …120"}
        assert second["said"] == "told a moment ago, for the call before"


async def test_what_is_acknowledged_in_time_goes_no_other_way(
    tmp_path: Path, mosquitto: Mosquitto, modem: SimModem
) -> None:
    async with (
        Listener(mosquitto.url, "centre-1") as listener,
        agent(tmp_path, mosquitto, Sms(modem.path, [NUMBER])) as uplink,
    ):
        await press(uplink)
        await until(lambda: listener.events, "the call arrives")
        await nothing_due(listener)
        listener.acking = False
        later = await press(uplink, "call-02")
        await until(lambda: used(listener, "sms"), "one that nobody acknowledges, pressed later, is told")
        assert ["call-02" in read_outgoing_sms(coded)["content"] for coded in modem.messages] == [True]
        assert [each["call"] for each in used(listener, "sms")] == [later]


async def test_the_second_uplink_takes_over_and_no_message_is_needed(
    tmp_path: Path, start_mosquitto: MosquittoStarter, modem: SimModem
) -> None:
    first, second = start_mosquitto(), start_mosquitto()
    ways = (SecondUplink(broker=second.url, source="127.0.0.2"), Sms(modem.path, [NUMBER]))
    async with Listener(second.url, "centre-1") as listener, agent(tmp_path, first, *ways) as uplink:
        await until(lambda: uplink.connected, "the first way")
        first.pause()  # half-open: connected, and nothing answers
        call = await press(uplink)
        await until(lambda: call in [event.id for event in listener.events], "the call comes by the second way")
        await until(lambda: used(listener, "uplink"), "and so does the word of it")
        assert modem.messages == []
        first.resume()


async def test_a_siren_sounds_until_the_call_is_acknowledged(
    tmp_path: Path, mosquitto: Mosquitto, modem: SimModem
) -> None:
    port = free_port()
    coils, rest = SimData(0, values=[False] * 16, datatype=DataType.BITS), SimData(0, datatype=DataType.REGISTERS)
    relay = SimDevice(1, ([coils], [coils], [rest], [rest]))
    server = ModbusTcpServer(relay, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    eyes = AsyncModbusTcpClient("127.0.0.1", port=port)
    assert await eyes.connect()

    async def sounds(on: bool) -> None:
        async with asyncio.timeout(10):
            while (await eyes.read_coils(0, count=8, device_id=1)).bits != [n == 3 and on for n in range(8)]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    modem.registered = False
    ways = (Sms(modem.path, [NUMBER]), Siren(f"modbus://127.0.0.1:{port}/1/3"))
    try:
        async with (
            Listener(mosquitto.url, "centre-1", acking=False) as listener,
            agent(tmp_path, mosquitto, *ways) as uplink,
        ):
            await press(uplink)
            await sounds(True)
            listener.acking = True
            listener.acknowledge()
            await sounds(False)  # once somebody knows
            await until(lambda: used(listener, "siren"), "the tries are told")
            assert used(listener, "sms")[0]["ok"] is False
            assert "no mobile network" in str(used(listener, "sms")[0]["said"])
    finally:
        eyes.close()
        await server.shutdown()  # type: ignore[no-untyped-call]
