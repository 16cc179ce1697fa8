"""The devices of a simulated centre, each put up and unplugged in the same way."""

from __future__ import annotations

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from simulators.centre.still import STILL
from simulators.devices.gbt28181 import GbDevice
from simulators.devices.iso8583 import BankHost
from simulators.devices.modbus import ModbusDevice, floats, meter
from simulators.devices.ntp import TimeServer
from simulators.devices.nut import NutServer, on_battery, on_mains
from simulators.devices.rtsp import Camera, Trouble
from simulators.devices.scaip import Terminal
from simulators.devices.sip import SipDevice
from simulators.devices.snmp import SnmpDevice, router_values

Sip = TypeVar("Sip", bound=SipDevice)
SPEAKS_EVERY_S = 25.0
NUT_PORT, SNMP_PORT, NTP_PORT, METER_PORT = 3493, 1161, 1123, 1502
PUMP_SETTINGS: dict[str, Any] = {
    "registers": {"pressure_kpa": "input 2 float", "tank_level_percent": "input 0 float", "running": "coil 0"}
}


def site_settings(address: str) -> dict[str, Any]:
    """What the agent is told of the site's other parts."""
    registers = {"mains_power": "discrete 0", "mains_voltage_v": "input 0 float", "load_w": "input 2 float"}
    registers["box_temperature_c"] = "holding 10 s16 *0.1"
    return {
        "ntp_server": f"{address}:{NTP_PORT}",
        "uplink_targets": [f"{address}:{NUT_PORT}", f"{address}:{METER_PORT}"],
        "also": [
            {"driver": "nut", "target": f"{address}:{NUT_PORT}", "settings": {"ups": "site"}},
            {"driver": "snmp", "target": f"{address}:{SNMP_PORT}", "settings": {"mapping": ["router"]}},
            {"driver": "modbus", "target": f"{address}:{METER_PORT}", "settings": {"registers": registers}},
        ],
    }


class Stand(ABC):
    """A device at its place. `trouble` makes it fail without being unplugged: a word of its own, or empty."""

    @abstractmethod
    async def put_up(self) -> None:
        """Raises OSError where its port is taken."""

    @abstractmethod
    async def unplug(self) -> None:
        """Nobody is told."""

    async def speak(self) -> None:  # noqa: B027  (most say nothing)
        """What it says of its own accord, each time its interval is over."""

    def call_for_help(self) -> bool:
        """Presses its button; False where it has none."""
        return False

    def mains(self, on: bool) -> None:  # noqa: B027  (most do not notice, or are gone)
        """The mains go, or come back."""

    def trouble(self, word: str) -> None:  # noqa: B027
        """Makes it fail without unplugging it."""


class _OnSip(Stand, Generic[Sip]):
    """One on SIP, that calls somebody: each call in a task of its own."""

    def __init__(self) -> None:
        self._device: Sip | None = None
        self._calls: set[asyncio.Task[None]] = set()

    def _call(self, work: Any) -> bool:
        async def call() -> None:
            with contextlib.suppress(OSError, TimeoutError):
                await work

        task = asyncio.get_running_loop().create_task(call())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return True

    async def unplug(self) -> None:
        for task in list(self._calls):
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if self._device is not None:
            self._device.stop()
            self._device = None


class Phone(_OnSip[SipDevice]):
    """A call terminal that answers OPTIONS."""

    def __init__(self, address: str, user: str) -> None:
        super().__init__()
        self._address, self._user = address, user

    async def put_up(self) -> None:
        self._device = await SipDevice.start(self._address, 5070, user=self._user)

    def trouble(self, word: str) -> None:
        if self._device is not None:
            self._device.silent = word == "silent"


class ScaipTerminal(_OnSip[Terminal]):
    """A call terminal with a pendant, that speaks SCAIP."""

    def __init__(self, address: str, user: str, server: tuple[str, int]) -> None:
        super().__init__()
        self._address, self._user, self._server = address, user, server

    async def put_up(self) -> None:
        self._device = await Terminal.start(self._address, 5070, user=self._user)

    async def speak(self) -> None:
        if self._device is not None:
            self._call(self._device.heartbeat(self._server))

    def call_for_help(self) -> bool:
        return self._device is not None and self._call(self._device.help_call(self._server))

    def mains(self, on: bool) -> None:
        if self._device is not None:
            status = "0086" if on else "0085"
            self._call(self._device.say_mrq(self._server, mty="ME", dty="0002", stc=status))


class GbTerminal(_OnSip[GbDevice]):
    """A call terminal that speaks GB/T 28181."""

    def __init__(self, address: str, code: str, server: tuple[str, int], **how: Any) -> None:
        super().__init__()
        self._address, self._code, self._server, self._how = address, code, server, how
        self._signed_in = False

    async def put_up(self) -> None:
        self._signed_in = False
        self._device = await GbDevice.start(
            self._address, 5070, user=self._code, server=self._server, **{"name": "呼叫终端", **self._how}
        )

    async def speak(self) -> None:
        if self._device is not None:
            self._call(self._keep_alive(self._device))

    async def _keep_alive(self, device: GbDevice) -> None:
        if not self._signed_in:
            self._signed_in = await device.sign_in() == 200
        if await device.keepalive() != 200:
            self._signed_in = False

    def call_for_help(self) -> bool:
        return self._device is not None and self._call(self._device.alarm())

    def trouble(self, word: str) -> None:
        if self._device is not None:
            self._device.dead = word == "silent"
            self._device.ok = word != "fault"
            for channel in list(self._device.channels)[:1]:
                self._device.channels[channel] = word != "channel"


class Recorder(GbTerminal):
    """A video recorder with eight channels."""

    def __init__(self, address: str, code: str, server: tuple[str, int]) -> None:
        channels = {f"{code[:13]}{number:07d}": True for number in range(101, 109)}
        super().__init__(address, code, server, channels=channels, items_a_message=4, name="警务室录像机")

    def call_for_help(self) -> bool:
        return False


class StillCamera(Stand):
    """A camera on RTSP with a still picture."""

    def __init__(self, address: str, port: int) -> None:
        self._camera = Camera(STILL, address, port)
        self._up = False

    async def put_up(self) -> None:
        await self._camera.start()
        self._up = True

    async def unplug(self) -> None:
        if self._up:
            self._up = False
            await self._camera.stop()

    def trouble(self, word: str) -> None:
        self._camera.trouble = Trouble(word)


class Bank(Stand):
    """The acquirer's host, as the terminal's own line reaches it."""

    def __init__(self, address: str, port: int) -> None:
        self._host, self._address, self._port = BankHost(), address, port

    async def put_up(self) -> None:
        await self._host.start(self._address, self._port)

    async def unplug(self) -> None:
        self._host.stop()

    def trouble(self, word: str) -> None:
        self._host.silent = word == "silent"
        self._host.code = "91" if word == "refuses" else "00"


class Pump(Stand):
    """A water pump behind a gateway."""

    def __init__(self, address: str, port: int) -> None:
        self._device, self._address, self._port = ModbusDevice(floats(0, 81.0, 290.0) | {("coil", 0): 1}), address, port

    async def put_up(self) -> None:
        await self._device.start(self._address, self._port)

    async def unplug(self) -> None:
        self._device.stop()


class Site(Stand):
    """UPS, router, meter and time server of the centre, at one address."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._ups = NutServer({"site": on_mains()})
        self._meter = ModbusDevice(meter())
        self._router: SnmpDevice | None = None
        self._clock: TimeServer | None = None

    async def put_up(self) -> None:
        await self._ups.start(self._address, NUT_PORT)
        await self._meter.start(self._address, METER_PORT)
        self._router = await SnmpDevice.start(self._address, SNMP_PORT, values=router_values())
        self._clock = await TimeServer.start(self._address, NTP_PORT)

    async def unplug(self) -> None:
        self._ups.stop()
        self._meter.stop()
        for server in (self._router, self._clock):
            if server is not None:
                server.stop()
        self._router = self._clock = None

    def mains(self, on: bool) -> None:
        self._ups.upses["site"] = on_mains() if on else on_battery(88, 2_400)
        self._meter.registers.update(meter(mains=on) if on else meter(0.0, 0.0, mains=False))

    def trouble(self, word: str) -> None:
        if self._clock is not None:
            self._clock.ahead_ms = 9_000.0 if word == "clock" else 0.0


class Port(Stand):
    """A device of which only its port is known."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port
        self._server: asyncio.Server | None = None

    async def put_up(self) -> None:
        self._server = await asyncio.start_server(self._serve, self._address, self._port)

    async def unplug(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(10):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer())
                await writer.drain()
        writer.transport.abort()

    def answer(self) -> bytes:
        """What it says to a request."""
        return b""


class Page(Port):
    """An e-commerce point's page."""

    state = "open"

    def answer(self) -> bytes:
        body = json.dumps({"data": {"state": self.state, "parcels": 7}}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def trouble(self, word: str) -> None:
        self.state = word or "open"
