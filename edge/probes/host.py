"""The machine that the agent runs on: what a `site` reading says of disk, memory, heat, power, clock and the outbox."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from pathlib import Path
from typing import Any

import msgspec

from edge.probing import Answer, Around, Probe, host_and_port
from shouwang.vocabulary import Driver

_NTP_FROM_1900_S = 2_208_988_800
_SYS = Path("/sys")
_PROC = Path("/proc")


class HostSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`ntp_server`: whom to ask what time it is (`host[:port]`); left out, the clock's error is not known."""

    ntp_server: str = ""


class HostProbe(Probe):
    """Target: none; it is always this machine."""

    driver = Driver.HOST
    Settings = HostSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._ntp = host_and_port(settings.ntp_server, 123) if settings.ntp_server else None

    async def ask(self, timeout_s: float) -> Answer:
        """What this machine tells is sent, what it does not is left out."""
        fields = await asyncio.to_thread(machine_fields, self.around.state_directory)
        fields |= await self.around.agent_facts()
        if self._ntp is not None:
            offset_ms = await self._clock_offset_ms(min(timeout_s, 2.0))
            if offset_ms is not None:
                fields["clock_offset_ms"] = round(offset_ms, 1)
        return Answer(True, fields=fields)

    async def _clock_offset_ms(self, timeout_s: float) -> float | None:
        """This clock minus the server's (SNTP, RFC 4330, 5); None when it does not answer."""
        assert self._ntp is not None
        loop = asyncio.get_running_loop()
        clock = self.around.clock
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                async with asyncio.timeout(timeout_s):
                    address = await self.around.allowed.resolve(*self._ntp)
                    await loop.sock_connect(sock, (address, self._ntp[1]))
                    sent = clock.now()
                    await loop.sock_sendall(sock, b"\x23" + bytes(47))
                    packet = await loop.sock_recv(sock, 512)
                    back = clock.now()
            except (TimeoutError, OSError):
                return None
        if len(packet) < 48 or packet[1] == 0 or packet[0] & 7 != 4:
            return None  # no server's answer, or one that asks us to go away
        received_s, transmitted_s = _ntp_s(packet[32:40]), _ntp_s(packet[40:48])
        round_trip_s = (back.mono_s - sent.mono_s) - (transmitted_s - received_s)
        return back.wall_ms - (transmitted_s + round_trip_s / 2) * 1000


def machine_fields(state_directory: Path, sys: Path = _SYS, proc: Path = _PROC) -> dict[str, Any]:
    """What the system's own files tell: percents, degrees Celsius, whether there is mains power."""
    fields: dict[str, Any] = {}
    try:
        disk = os.statvfs(state_directory)
        if disk.f_blocks:
            fields["disk_free_percent"] = round(100 * disk.f_bavail / disk.f_blocks, 1)
        fields["disk_read_only"] = bool(disk.f_flag & os.ST_RDONLY)
    except OSError:
        fields["disk_read_only"] = True  # it cannot even be looked at
    memory = dict(line.partition(":")[::2] for line in _text(proc / "meminfo").splitlines())
    total, available = (_first_number(memory.get(name, "")) for name in ("MemTotal", "MemAvailable"))
    if total and available is not None:
        fields["memory_free_percent"] = round(100 * available / total, 1)
    heats = [_first_number(_text(path)) for path in sorted(sys.glob("class/thermal/thermal_zone*/temp"))]
    known = [heat / 1000 for heat in heats if heat is not None and -60_000 <= heat <= 150_000]
    if known:
        fields["cpu_temperature_c"] = round(max(known), 1)
    return fields | _power(sys)


def _power(sys: Path) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for supply in sorted(sys.glob("class/power_supply/*")):
        kind = _text(supply / "type").strip()
        if kind in ("Mains", "UPS") and (online := _first_number(_text(supply / "online"))) is not None:
            fields["mains_power"] = fields.get("mains_power", False) or online == 1
        charge = _first_number(_text(supply / "capacity"))
        if kind in ("Battery", "UPS") and charge is not None and 0 <= charge <= 100:
            fields["ups_battery_percent"] = float(charge)
    return fields


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _first_number(text: str) -> int | None:
    words = text.split()
    try:
        return int(words[0]) if words else None
    except ValueError:
        return None


def _ntp_s(stamp: bytes) -> float:
    seconds, fraction = struct.unpack("!II", stamp)
    # The era that began in 1900 ends in 2036: a small number is of the next one (RFC 4330, 3).
    return float(seconds + (2**32 if seconds < 2**31 else 0) - _NTP_FROM_1900_S + fraction / 2**32)
