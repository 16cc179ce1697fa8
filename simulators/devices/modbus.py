"""Modbus devices on real sockets: a meter, a digital input, over TCP or as a serial gateway; and faults."""

from __future__ import annotations

import asyncio
import os
import struct
from dataclasses import dataclass, field
from typing import Any

from edge.probes.modbus.frames import crc

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _BUSY, _NOBODY = 1, 2, 6, 11


@dataclass(slots=True)
class ModbusDevice:
    """`registers`: (table, address) → value, table one of `coil`, `discrete`, `holding`, `input`.

    What it does wrong may be changed while it runs. `units`: who answers behind it; another is answered by exception
    11. `strict`: a question that touches a register it does not have is refused whole, else such are 0. `busy`: the
    next so many questions are answered by exception 6. `silent`, `half`, `noise`, `wrong_unit`, `late` (an answer to an
    earlier question first), `drip_s` (a byte at a time): as they say. `one_at_a_time`: a second connection is closed.
    """

    registers: dict[tuple[str, int], int] = field(default_factory=dict)
    units: tuple[int, ...] = (1,)
    rtu: bool = False
    strict: bool = False
    busy: int = 0
    silent: bool = False
    half: bool = False
    noise: bool = False
    wrong_unit: bool = False
    late: bool = False
    drip_s: float = 0.0
    one_at_a_time: bool = False
    port: int = 0
    asked: list[tuple[int, int, int]] = field(default_factory=list)  # function, address, size
    _open: int = 0
    _server: Any = field(default=None, repr=False)

    async def start(self, address: str = "127.0.0.1", port: int = 0) -> ModbusDevice:
        """Listens; the port it got stands in `port`."""
        self._server = await asyncio.start_server(self._serve, address, port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            while not (self.one_at_a_time and self._open > 1):
                if self.rtu:
                    frame = await reader.readexactly(8)
                    transaction, unit, pdu = 0, frame[0], frame[1:6]
                else:
                    transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                    pdu = await reader.readexactly(length - 1)
                if self.silent:
                    await asyncio.Event().wait()
                await self._send(writer, self._framed(self._answer(unit, pdu), unit, transaction))
                if self.half:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, struct.error):
            pass
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, unit: int, pdu: bytes) -> bytes:
        function, address, size = struct.unpack(">BHH", pdu[:5])
        self.asked.append((function, address, size))
        if unit not in self.units:
            return bytes((function | 0x80, _NOBODY))
        if self.busy > 0:
            self.busy -= 1
            return bytes((function | 0x80, _BUSY))
        table = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}.get(function)
        if table is None:
            return bytes((function | 0x80, _ILLEGAL_FUNCTION))
        found = [self.registers.get((table, at)) for at in range(address, address + size)]
        if None in found and (self.strict or not any(value is not None for value in found)):
            return bytes((function | 0x80, _ILLEGAL_ADDRESS))
        values = [value or 0 for value in found]
        if function <= 2:
            packed = bytearray((size + 7) // 8)
            for at, value in enumerate(values):
                packed[at // 8] |= bool(value) << at % 8
            return bytes((function, len(packed))) + bytes(packed)
        return bytes((function, 2 * size)) + struct.pack(f">{size}H", *(value & 0xFFFF for value in values))

    def _framed(self, pdu: bytes, unit: int, transaction: int) -> bytes:
        unit = unit + 1 & 0xFF if self.wrong_unit else unit
        if self.noise:
            return os.urandom(24)
        if self.rtu:
            frame = bytes((unit,)) + pdu
            return frame + crc(frame)
        framed = struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu
        if self.late:
            framed = struct.pack(">HHHB", transaction - 1 & 0xFFFF, 0, len(pdu) + 1, unit) + pdu + framed
        return framed[: len(framed) // 2] if self.half else framed

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not self.drip_s:
            writer.write(data)
        else:
            for byte in data:
                writer.write(bytes((byte,)))
                await asyncio.sleep(self.drip_s)
        await writer.drain()


def floats(address: int, *values: float, table: str = "input", swapped: bool = False) -> dict[tuple[str, int], int]:
    """Registers that hold these 32-bit floats, one after another."""
    made: dict[tuple[str, int], int] = {}
    for at, value in enumerate(values):
        high, low = struct.unpack(">HH", struct.pack(">f", value))
        first, second = (low, high) if swapped else (high, low)
        made[(table, address + 2 * at)] = first
        made[(table, address + 2 * at + 1)] = second
    return made


def meter(voltage_v: float = 229.4, power_w: float = 412.5, *, mains: bool = True) -> dict[tuple[str, int], int]:
    """A power meter with a digital input beside it: voltage and power as floats, the input closed while there are
    mains, and the box's temperature in tenths of a degree, which may be below zero."""
    return floats(0, voltage_v, power_w) | {("discrete", 0): int(mains), ("holding", 10): 215}
