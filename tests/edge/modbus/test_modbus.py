"""Modbus: against pymodbus's server, and against devices and gateways that misbehave."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probes.modbus import frames
from edge.probes.modbus.frames import ExceptionError, NotModbusError, Rtu, Tcp
from edge.probing import Answer, Around, ProbeConfigError, make_probe
from simulators.devices.modbus import ModbusDevice, floats, meter
from tests.servers import free_port

AROUND = Around(allowed=Allowed(AllowedFile(loopback=True)))
METER = {
    "mains_voltage_v": "input 0 float",
    "load_w": "input 2 float",
    "mains_power": "discrete 0",
    "box_temperature_c": "holding 10 s16 *0.1",
}
WIRE = Path(__file__).parent / "wire"


async def ask(port: int, timeout_s: float = 3.0, around: Around = AROUND, **settings: Any) -> Answer:
    return await make_probe("modbus", f"127.0.0.1:{port}", {"registers": METER} | settings, around).ask(timeout_s)


@pytest.fixture(params=["tcp", "rtu"])
async def pymodbus_server(request: pytest.FixtureRequest) -> AsyncIterator[tuple[int, str]]:
    """pymodbus's own server, with the registers of a meter, as unit 17."""
    from pymodbus.framer import FramerType
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    def block(table: str, kind: DataType) -> list[SimData]:
        held = [meter(mains=False).get((table, at), 0) for at in range(32)]
        bits = kind is DataType.BITS
        return [SimData(0, values=[bool(each) for each in held] if bits else held, datatype=kind)]

    bits, registers = DataType.BITS, DataType.REGISTERS
    tables = (block("coil", bits), block("discrete", bits), block("holding", registers), block("input", registers))
    framer = FramerType.RTU if request.param == "rtu" else FramerType.SOCKET
    port = free_port()
    server = ModbusTcpServer(SimDevice(17, simdata=tables), framer=framer, address=("127.0.0.1", port))
    await server.listen()
    yield port, request.param
    await server.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.system
async def test_pymodbus_tells_what_the_meter_measures(pymodbus_server: tuple[int, str]) -> None:
    port, framing = pymodbus_server
    answer = await ask(port, unit=17, framing=framing)
    assert (answer.reachable, answer.reason) == (True, "")
    assert answer.fields == {
        "mains_power": False,
        "box_temperature_c": 21.5,
        "mains_voltage_v": 229.4,
        "load_w": 412.5,
    }
    beyond = await ask(port, unit=17, framing=framing, registers={"load_w": "input 4000"})
    assert (beyond.reachable, beyond.fields) == (True, {})
    assert str(beyond.reason) == "input 4000 (load_w): it answers with exception 2, illegal address"


async def test_a_power_cut_by_the_digital_input() -> None:
    device = await ModbusDevice(meter()).start()
    assert (await ask(device.port)).fields["mains_power"] is True
    device.registers |= meter(voltage_v=0, mains=False)
    cut = (await ask(device.port)).fields
    assert (cut["mains_power"], cut["mains_voltage_v"]) == (False, 0)
    assert len(device.asked) == 6  # three tables, a question each
    device.stop()


async def test_a_device_that_refuses_gaps_is_asked_for_each_register() -> None:
    device = await ModbusDevice(floats(0, 48.2) | {("input", 9): 3}, strict=True).start()
    probe = make_probe(
        "modbus",
        f"127.0.0.1:{device.port}",
        {"registers": {"battery_voltage_v": "input 0 float", "x": "input 9", "gone": "input 5"}},
        AROUND,
    )
    answer = await probe.ask(3.0)
    assert answer.fields == {"battery_voltage_v": 48.2, "x": 3}
    assert "input 5 (gone)" in str(answer.reason)
    first = len(device.asked)
    assert (await probe.ask(3.0)).fields == answer.fields
    assert len(device.asked) == first + 3  # it remembers
    device.stop()


async def test_devices_behind_one_gateway_are_asked_one_after_another() -> None:
    gateway = await ModbusDevice(meter(), units=tuple(range(1, 9)), one_at_a_time=True, rtu=True).start()
    around = Around(allowed=Allowed(AllowedFile(loopback=True)))
    answers = await asyncio.gather(*(ask(gateway.port, 5.0, around, unit=unit, framing="rtu") for unit in range(1, 9)))
    assert all(answer.fields["mains_power"] for answer in answers)
    gateway.stop()
    around.close()


@pytest.mark.parametrize("how", [{"busy": 2}, {"late": True}, {"drip_s": 0.001}])
async def test_a_device_with_whims_is_asked_all_the_same(how: dict[str, Any]) -> None:
    device = await ModbusDevice(meter(), **how).start()
    assert (await ask(device.port)).fields["load_w"] == 412.5
    device.stop()


@pytest.mark.parametrize(
    ("how", "reachable", "said"),
    [
        ({"silent": True}, False, "no answer within 0.2 s"),
        ({"half": True}, False, "the connection was closed"),
        ({"noise": True}, False, "its answer cannot be read: what comes is no Modbus TCP"),
        ({"wrong_unit": True}, False, "unit 2 answers where 1 was asked"),
        ({"units": (5,)}, False, "11, gateway: the device does not answer"),
        ({"busy": 99}, True, "6, busy"),
        ({"rtu": True}, False, "no answer within 0.2 s"),
        ({"registers": {}}, True, "2, illegal address"),
    ],
)
async def test_what_goes_wrong_is_said_within_its_time(how: dict[str, Any], reachable: bool, said: str) -> None:
    device = await ModbusDevice(**({"registers": meter()} | how)).start()
    began = asyncio.get_running_loop().time()
    answer = await ask(device.port, 0.2 if not how.get("busy") else 3.0, registers={"load_w": "input 2 float"})
    assert asyncio.get_running_loop().time() - began < 2
    assert (answer.reachable, answer.fields) == (reachable, {})
    assert said in str(answer.reason)
    device.stop()


async def test_nobody_there() -> None:
    assert str((await ask(free_port())).reason) == "connection refused"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "registers"),
        ({"registers": {}}, "between 1 and 64"),
        ({"registers": {"a": "input x"}}, "registers: a: 'input x': begin with a table"),
        ({"registers": {"a": "input 1"}, "unit": 300}, "unit 300"),
        ({"registers": {"a": "input 1"}, "framing": "ascii"}, "Invalid enum value 'ascii'"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ProbeConfigError, match=said):
        make_probe("modbus", "192.168.1.1", settings, AROUND)


async def test_a_hundred_at_once() -> None:
    devices = [await ModbusDevice(meter(power_w=n)).start(f"127.0.5.{n}") for n in range(1, 101)]
    probes = [
        make_probe("modbus", f"127.0.5.{n}:{device.port}", {"registers": METER}, AROUND)
        for n, device in enumerate(devices, 1)
    ]
    answers = await asyncio.gather(*(probe.ask(5.0) for probe in probes))
    assert [answer.fields["load_w"] for answer in answers] == list(range(1, 101))
    for device in devices:
        device.stop()


def test_recorded_answers() -> None:
    tcp = bytes.fromhex((WIRE / "pymodbus-3.16-tcp.hex").read_text())
    head, rest = tcp[: Tcp.HEAD], tcp[Tcp.HEAD :]
    assert Tcp.rest(head) == len(rest)
    pdu = Tcp.read(head, rest, 17, 1)
    assert pdu is not None
    assert struct.unpack(">f", struct.pack(">2H", *frames.answer(pdu, 4, 2)))[0] == pytest.approx(229.4)
    rtu = bytes.fromhex((WIRE / "pymodbus-3.16-rtu.hex").read_text())
    head, rest = rtu[: Rtu.HEAD], rtu[Rtu.HEAD :]
    assert Rtu.rest(head) == len(rest)
    assert Rtu.read(head, rest, 17, 0) == pdu
    with pytest.raises(NotModbusError, match="checksum"):
        Rtu.read(head, rest[:-1] + b"\0", 17, 0)


@given(st.binary(max_size=300), st.integers(1, 4), st.integers(1, 120))
def test_any_bytes_are_an_answer_or_none(data: bytes, function: int, size: int) -> None:
    for framing in (Tcp, Rtu):
        head, rest = data[: framing.HEAD].ljust(framing.HEAD, b"\0"), data[framing.HEAD :]
        try:
            assert 0 < framing.rest(head) <= 300
            pdu = framing.read(head, rest, 1, 1)
            if pdu is not None:
                frames.answer(pdu, function, size)
        except (NotModbusError, ExceptionError):
            pass
    with contextlib.suppress(NotModbusError, ExceptionError):
        assert len(frames.answer(data, function, size)) == size
