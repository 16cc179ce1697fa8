"""LANs of simulated devices on 127/8, looked at."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from edge.allowed import Allowed, AllowedFile
from edge.discovery import Look, Wanted, look, propose
from edge.discovery.networks import Chosen
from edge.discovery.pace import Pace
from edge.discovery.services import Ports
from edge.probing import Around
from shouwang.clock import SystemClock
from simulators.devices.modbus import ModbusDevice
from simulators.devices.nut import NutServer, on_mains
from simulators.devices.onvif import Device, Trouble
from simulators.devices.rtsp import Camera
from simulators.devices.sip import SipDevice
from simulators.devices.snmp import SnmpDevice, ups_values
from tests.edge.devices import serve_bytes
from tests.edge.discovery.test_said import SSDP, WSD, mdns

NET = "127.34.0"
PORTS = Ports(
    rtsp=(18_554,), http=(18_080,), https=(), nut=(13_493,), modbus=(10_502,), mqtt=(11_883,),
    sip=(15_060,), snmp=(10_161,), more=(),
)  # fmt: skip
GROUPS = (("239.255.255.250", 13_702), ("224.0.0.251", 15_353), ("239.255.255.250", 11_900))


def nothing(_step: str, _done: int, _count: int) -> None:
    pass


async def look_at(network: str, within_s: float = 20.0, stop: asyncio.Event | None = None, **allowed: Any) -> Look:
    around = Around(allowed=Allowed(AllowedFile(loopback=True, **allowed)))
    wanted = Wanted(Chosen([IPv4Network(network)], []), ports=PORTS, aloud=GROUPS)
    try:
        return await look(wanted, around, within_s, stop or asyncio.Event(), nothing)
    finally:
        around.close()


@pytest.fixture
async def devices() -> AsyncIterator[None]:
    """One of each protocol at an address of its own, some that misbehave."""
    camera = Camera(None, host=f"{NET}.1", port=18_554, user="admin", password="hall")  # type: ignore[arg-type]
    recorder, cut = (Device(host=f"{NET}.{n}", port=18_080) for n in (2, 3))
    cut.trouble = Trouble.HALF
    silent = Device(host=f"{NET}.4", port=18_080, trouble=Trouble.SILENT)
    for each in (camera, recorder, cut, silent):
        await each.start()
    terminal = await SipDevice.start(f"{NET}.5", 15_060)
    noisy = await SipDevice.start(f"{NET}.6", 15_060, noise=True)
    ups = await SnmpDevice.start(f"{NET}.7", 10_161, values=ups_values())
    meter = await ModbusDevice().start(f"{NET}.8", 10_502)
    upsd = await NutServer({"site": on_mains()}).start(f"{NET}.9", 13_493)

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET / "):
            writer.write("HTTP/1.1 200 OK\r\nServer: shop\r\n\r\n<html><title>\x1b[2J电商</title>".encode())
        writer.close()

    server = await asyncio.start_server(page, f"{NET}.10", 18_080)
    yield
    for device in (camera, recorder, cut, silent):
        await device.stop()
    for other in (terminal, noisy, ups, meter, upsd):
        other.stop()
    server.close()


@pytest.mark.slow
@pytest.mark.usefixtures("devices")
async def test_each_is_found_as_what_it_is_and_those_that_misbehave_hold_nothing_up() -> None:
    found = await look_at(f"{NET}.0/28")
    assert found.whole
    made = {each.address.rpartition(".")[2]: each for one in found.found for each in propose(one)}
    assert {last: (each.kind, each.driver, each.target) for last, each in made.items() if each.kind} == {
        "1": ("camera", "rtsp", f"rtsp://{NET}.1:18554/"),
        "2": ("camera", "onvif", f"{NET}.2:18080"),
        "5": ("call_terminal", "sip", f"{NET}.5:15060"),
        "7": ("site", "snmp", f"{NET}.7:10161"),
        "8": ("site", "modbus", f"{NET}.8:10502"),
        "9": ("site", "nut", f"{NET}.9:13493"),
        "10": ("ecommerce_point", "http", f"http://{NET}.10:18080/"),
    }
    assert [why.words()["en"] for why in made["10"].why] == ["has a page: [2J电商; which kind is it?"]
    assert made["4"].why[0].code == "ports"


@pytest.mark.slow
@pytest.mark.usefixtures("devices")
async def test_ports_that_may_not_be_touched_are_not() -> None:
    server, port = await serve_bytes(lambda _: b"")
    server.close()
    found = await look_at(f"{NET}.8/31", ports=[13_493])
    (meter, upsd) = found.found
    assert (meter.ports, upsd.ports) == (set(), {13_493})
    assert port not in meter.ports


async def test_ctrl_c_and_the_end_of_its_time_give_what_was_found_so_far() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, stop.set)
    cut = await look_at(f"{NET}.0/28", stop=stop)
    assert (cut.whole, len(cut.found)) == (False, 14)
    late = await look_at(f"{NET}.0/28", within_s=0.2)
    assert (late.whole, len(late.found)) == (False, 14)


async def test_the_pace_is_kept() -> None:
    clock = SystemClock()
    pace = Pace(clock, at_once=4, per_second=200)
    now = most = 0

    async def work(_: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1

    began_s = clock.now().mono_s
    await pace.each(range(21), work)
    assert most == 4
    assert clock.now().mono_s - began_s >= 20 / 200


def announcers() -> list[tuple[tuple[str, int], Callable[[bytes], list[bytes]], str]]:
    return [
        (
            GROUPS[0],
            lambda asked: [b"noise", WSD.replace(b":8080", b":18080")] if b"Probe" in asked else [],
            f"{NET}.20",
        ),
        (GROUPS[1], lambda _: [mdns("_ipp._tcp", "打印机", 631, [])], f"{NET}.21"),
        (GROUPS[2], lambda asked: [SSDP] if asked.startswith(b"M-SEARCH") else [], f"{NET}.22"),
        (GROUPS[2], lambda _: [SSDP], "127.35.0.9"),  # elsewhere: heard, as it may be touched
    ]


@pytest.mark.slow
async def test_who_is_asked_aloud_answers() -> None:
    """From an address of its own, though it takes no ping and no connection that tells anything."""
    loop = asyncio.get_running_loop()
    opened: list[asyncio.DatagramTransport] = []
    for (group, port), answers, address in announcers():

        class Announcer(asyncio.DatagramProtocol):
            def __init__(self, answers: Callable[[bytes], list[bytes]], own: socket.socket) -> None:
                self._answers, self._own = answers, own

            def datagram_received(self, data: bytes, addr: Any) -> None:
                for answer in self._answers(data):
                    self._own.sendto(answer, addr)

        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.bind((address, 0))
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ear.bind((group, port))
        joined = struct.pack("=4s4si", socket.inet_aton(group), socket.inet_aton("127.0.0.1"), 0)
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
        ear.setblocking(False)
        transport, _ = await loop.create_datagram_endpoint(lambda a=answers, o=own: Announcer(a, o), sock=ear)  # type: ignore[misc]
        opened.append(transport)
    found = await look_at(f"{NET}.16/28")
    for transport in opened:
        transport.close()
    by = {each.address: each for each in found.found}
    camera = propose(by[f"{NET}.20"])[0]
    assert (camera.kind, camera.driver, camera.target, camera.model) == (
        "camera",
        "onvif",
        f"{NET}.20:18080",
        "DS-2CD2143G0-I",
    )
    assert propose(by[f"{NET}.21"])[0].why[0].code == "printer"
    assert [why.code for why in propose(by["127.35.0.9"])[0].why] == ["igd"]
