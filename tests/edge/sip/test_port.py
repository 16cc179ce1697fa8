"""One port for all drivers, over UDP and TCP: whatever one peer sends costs the others nothing."""

import asyncio
import logging
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.allowed import Allowed, AllowedFile
from edge.probes.gbt28181 import Gbt28181Listener
from edge.probes.scaip import ScaipListener
from edge.probes.scaip.listener import ScaipOptions
from edge.probes.sip import SipListener, SipProbe
from edge.probes.sip.settings import SipSettings
from edge.probing import Around
from edge.sip import SipPort
from edge.sip.port import CONNECTIONS_A_HOST
from simulators.devices.gbt28181 import GbDevice
from simulators.devices.scaip import Terminal
from simulators.devices.sip import SipDevice
from tests.edge.sip.listening import Ear, listening

NVR = "34020000001180000001"


def free_port() -> int:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        return int(nobody.getsockname()[1])


async def test_three_drivers_share_one_port(tmp_path: Path) -> None:
    near = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
    port = free_port()
    phone = await SipDevice.start("127.0.0.2", user="1001")
    terminal = await Terminal.start("127.0.0.3", user="26317")
    async with (
        listening(SipListener, [("call-01", "1001", {"look": "both"})], tmp_path, around=near, port=port) as sip,
        listening(ScaipListener, [("call-02", "26317", {})], tmp_path, around=near, port=port) as scaip,
        listening(Gbt28181Listener, [("nvr-01", NVR, {})], tmp_path, kind="nvr", around=near, port=port) as gb,
    ):
        assert sum(isinstance(each, SipPort) for each in near.shared.values()) == 1
        nvr = await GbDevice.start("127.0.0.4", user=NVR, server=gb.server)
        assert await phone.register(sip.server) == 200
        assert await terminal.help_call(scaip.server) == 200
        assert await nvr.sign_in() == 200
        assert await nvr.keepalive() == 200
        assert {each.device for each in sip.heard} == {"call-01"}
        assert scaip.events == [("call-02", "help_call")]
        assert {each.device for each in gb.heard} == {"nvr-01"}
        await sip.listener.stop()  # the others go on
        assert await phone.register(gb.server) == 403
        assert await nvr.keepalive() == 200
        shared = gb.port
    with socket.create_server(("127.0.0.1", shared.port)):
        pass  # the last to leave has closed it
    near.close()
    for device in (phone, terminal, nvr):
        device.stop()


async def test_drivers_that_begin_at_the_same_moment_open_it_once(tmp_path: Path) -> None:
    around = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
    options = ScaipOptions(bind=("127.0.0.1",), port=free_port())
    both = [ScaipListener(options, around, lambda heard: None) for _ in range(2)]
    await asyncio.gather(*(each.start() for each in both))
    for each in both:
        await each.stop()


async def test_a_port_that_is_taken_is_said_and_nothing_stays_open(tmp_path: Path) -> None:
    near = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        options = ScaipOptions(bind=("127.0.0.1", "127.0.0.2"), port=port)
        listener = ScaipListener(options, near, lambda _heard: None)
        with pytest.raises(OSError, match="Address already in use"):
            await listener.start()
        socket.create_server(("127.0.0.1", port)).close()
    await listener.start()
    await listener.stop()
    near.close()


class Stream:
    """A device on TCP, by hand."""

    async def open(self, ear: Ear) -> "Stream":
        self.reader, self.writer = await asyncio.open_connection(*ear.server)
        return self

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        async with asyncio.timeout(3):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def ended(self) -> bool:
        async with asyncio.timeout(3):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


def register(user: str = "1001", number: int = 1) -> bytes:
    return (
        f"REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK{number}\r\n"
        f"From: <sip:{user}@a>;tag=1\r\nTo: <sip:{user}@a>\r\nCall-ID: 1\r\nCSeq: {number} REGISTER\r\n"
        f"Contact: <sip:{user}@127.0.0.1;transport=tcp>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


async def test_a_device_on_tcp_registers_and_is_asked_on_its_own_connection(tmp_path: Path) -> None:
    async with listening(SipListener, [("call-01", "1001", {"look": "both"})], tmp_path) as ear:
        device = await Stream().open(ear)
        device.say(b"\r\n\r\n" + register()[:40])
        device.say(register()[40:])
        assert b"200 OK" in await device.answer()
        asked = asyncio.create_task(SipProbe("1001", SipSettings(look="both"), ear.around).ask(2.0))
        options = (await device.answer()).decode()
        assert options.startswith("OPTIONS sip:1001@127.0.0.1")
        kept = [
            line for line in options.split("\r\n") if line.partition(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
        ]
        device.say("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode())
        assert (await asked).reachable
        device.writer.close()
        await ear.until(lambda: not ear.port._lines, "the end of the connection")
        gone = await SipProbe("1001", SipSettings(look="both"), ear.around).ask(2.0)
        assert not gone.reachable
        assert gone.fields["registered"] is True


async def test_streams_are_bounded(tmp_path: Path) -> None:
    async with listening(SipListener, [("call-01", "1001", {"look": "both"})], tmp_path) as ear:
        streams = [await Stream().open(ear) for _ in range(CONNECTIONS_A_HOST)]
        await ear.until(lambda: len(ear.port._lines) == CONNECTIONS_A_HOST, "all of them")
        assert await (await Stream().open(ear)).ended()
        streams[0].say(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await streams[0].ended()
        streams[1].say(register())
        assert b"200 OK" in await streams[1].answer()
        assert ear.port.unreadable == 1
        for stream in streams:
            stream.writer.close()


@pytest.mark.slow
async def test_a_flood_of_one_host_does_not_hold_up_another(tmp_path: Path) -> None:
    flooder = await SipDevice.start("127.0.0.66", user="1001")
    good = await SipDevice.start("127.0.0.2", user="1001")
    async with listening(SipListener, [("call-01", "1001", {"look": "both"})], tmp_path) as ear:
        for n in range(3_000):
            flooder.say(register(number=n), ear.server)
        assert await good.register(ear.server) == 200
        await ear.until(lambda: ear.port.too_many > 1_000, "the flood refused")
        assert len(ear.port._answered._answers) < 1_000
    flooder.stop()
    good.stop()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400), at=st.integers(0, 300))
def test_any_bytes_on_the_port(tmp_path: Path, caplog: pytest.LogCaptureFixture, data: bytes, at: int) -> None:
    caplog.set_level(logging.ERROR)

    async def try_it() -> None:
        secret = {"password": "hall 2026"}
        near = Around(allowed=Allowed(AllowedFile(loopback=True)), state_directory=tmp_path)
        port = free_port()
        async with (
            listening(SipListener, [("a", "1001", {"look": "both"})], tmp_path, around=near, port=port) as ear,
            listening(ScaipListener, [("b", "26317", secret)], tmp_path, around=near, port=port),
            listening(Gbt28181Listener, [("c", NVR, secret)], tmp_path, around=near, port=port),
        ):
            for whole in (
                register(),
                register(NVR),
                register("26317").replace(b"\r\nContent-Length", b"\r\nAuthorization: Digest " + data.hex().encode()),
            ):
                ear.port.datagram(data, "127.0.0.5", 5060)
                ear.port.datagram(whole[:at] + data + whole[at:], "127.0.0.5", 5060)
                ear.port.datagram(whole[:at] + data + whole[at + len(data) :], "127.0.0.5", 5060)
            for kind in (b"application/scaip+xml", b"Application/MANSCDP+xml"):
                for user in (b"26317", NVR.encode()):
                    head = register().replace(b"REGISTER", b"MESSAGE").replace(b"1001", user)
                    head = head.replace(b"Content-Length: 0\r\n", b"Content-Type: " + kind + b"\r\n")
                    ear.port.datagram(head + data, "127.0.0.5", 5060)
            good = await SipDevice.start("127.0.0.2", user="1001")
            assert await good.register(ear.server) == 200
            good.stop()
        near.close()

    asyncio.run(try_it())
    assert caplog.text == ""
