"""Asks a Modbus device for its registers; devices behind one gateway are asked one after another."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec

from edge.probes.modbus import frames
from edge.probes.modbus.frames import ExceptionError, NotModbusError, Rtu, Tcp
from edge.probes.modbus.registers import Batch, Point, RegisterError, batches, parse_point, values
from edge.probing import Answer, Around, Probe, ProbeConfigError, host_and_port
from edge.steps import ASK, CONNECT, NAME, step
from shouwang.reasons import Reason, reason_of
from shouwang.vocabulary import Driver

_POINTS_MAX = 64
_BUSY_PAUSE_S = 0.2
_BUSY_TRIES = 3


class ModbusSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`registers`: field → where it stands, as `mains_power = "discrete 0"` or `load_w = "input 12 float cdab"`.
    `framing` `rtu`: behind a gateway that passes serial frames on as they are."""

    registers: dict[str, str]
    unit: int = 1
    framing: Literal["tcp", "rtu"] = "tcp"


class ModbusProbe(Probe):
    """Target: `host[:port]`, port 502. Nothing is ever written."""

    driver = Driver.MODBUS
    Settings = ModbusSettings

    def __init__(self, target: str, settings: Any, around: Around) -> None:
        super().__init__(target, settings, around)
        self._host, self._port = host_and_port(target, 502)
        if not 0 <= settings.unit <= 255:
            raise ProbeConfigError(f"unit {settings.unit}: between 0 and 255")
        if not 1 <= len(settings.registers) <= _POINTS_MAX:
            raise ProbeConfigError(f"registers: between 1 and {_POINTS_MAX} fields")
        self._points: dict[str, Point] = {}
        for name, text in settings.registers.items():
            try:
                self._points[name] = parse_point(text)
            except RegisterError as error:
                raise ProbeConfigError(f"registers: {name}: {error}") from error
        self._framing: type[Tcp | Rtu] = Rtu if settings.framing == "rtu" else Tcp
        self._one_by_one = False

    async def ask(self, timeout_s: float) -> Answer:
        """A device that answers with an exception is reachable; what it does not have is left out, and said."""
        clock = self.around.clock
        try:
            async with asyncio.timeout(timeout_s):
                with step(NAME):
                    address = await self.around.allowed.resolve(self._host, self._port)
                async with self._line(address):
                    began_s = clock.now().mono_s
                    with step(CONNECT):
                        line = await asyncio.open_connection(address, self._port)
                    talk = _Talk(*line, self._framing, self.settings.unit)
                    try:
                        with step(ASK):
                            fields, reason = await self._fields(talk)
                    finally:
                        talk.close()
                    latency_ms = (clock.now().mono_s - began_s) * 1000
        except TimeoutError:
            return Answer(False, reason=Reason("no_answer", {"s": timeout_s}))
        except ExceptionError as error:
            return Answer(False, reason=Reason("modbus_exception", {"what": self.target, "text": str(error)}))
        except NotModbusError as error:
            return Answer(False, reason=Reason("answer_unreadable", {"text": str(error)}))
        except asyncio.IncompleteReadError:
            return Answer(False, reason=Reason("closed"))
        except OSError as error:
            return Answer(False, reason=reason_of(error))
        return Answer(True, latency_ms, fields, reason)

    def _line(self, address: str) -> asyncio.Lock:
        """Most gateways take one connection, and all have one serial line."""
        lines = self.around.shared.setdefault("modbus-lines", _Lines())
        assert isinstance(lines, _Lines)
        return lines.of(address, self._port)

    async def _fields(self, talk: _Talk) -> tuple[dict[str, Any], Reason | str]:
        fields: dict[str, Any] = {}
        reason: Reason | str = ""
        todo = batches(self._points, one_by_one=self._one_by_one)
        while todo:
            batch = todo.pop(0)
            try:
                fields |= values(batch, await talk.read(batch))
            except ExceptionError as error:
                if error.code in frames.NOBODY:
                    raise
                if len(batch.points) > 1:  # some refuse registers between those that they have
                    self._one_by_one = True
                    todo = batches(batch.points, one_by_one=True) + todo
                    continue
                what = f"{batch.table} {batch.address} ({', '.join(batch.points)})"
                reason = Reason("modbus_exception", {"what": what[:80], "text": str(error)})
        return fields, reason


class _Lines:
    """A lock a gateway."""

    def __init__(self) -> None:
        self._locks: dict[tuple[str, int], asyncio.Lock] = {}

    def of(self, address: str, port: int) -> asyncio.Lock:
        return self._locks.setdefault((address, port), asyncio.Lock())

    def close(self) -> None:
        self._locks.clear()


class _Talk:
    """One connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: type[Tcp | Rtu], unit: int
    ) -> None:
        self._reader, self._writer, self._framing, self._unit = reader, writer, framing, unit
        self._transaction = 0

    def close(self) -> None:
        self._writer.transport.abort()

    async def read(self, batch: Batch) -> list[int]:
        """Registers or bits. Raises ExceptionError, NotModbusError, IncompleteReadError, OSError."""
        for left in reversed(range(_BUSY_TRIES)):
            try:
                return await self._read(batch)
            except ExceptionError as error:
                if error.code != frames.BUSY or not left:
                    raise
                await asyncio.sleep(_BUSY_PAUSE_S)
        raise AssertionError("unreachable")

    async def _read(self, batch: Batch) -> list[int]:
        function = batch.table.function
        self._transaction = self._transaction + 1 & 0xFFFF
        asked = frames.question(function, batch.address, batch.size)
        self._writer.write(self._framing.write(asked, self._unit, self._transaction))
        while True:  # until the caller's time is over
            head = await self._reader.readexactly(self._framing.HEAD)
            rest = await self._reader.readexactly(self._framing.rest(head))
            pdu = self._framing.read(head, rest, self._unit, self._transaction)
            if pdu is not None:
                return frames.answer(pdu, function, batch.size)
