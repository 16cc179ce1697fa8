"""Questions and answers of Modbus as bytes: over TCP with its own head, or as a serial gateway passes them on (RTU)."""

from __future__ import annotations

import struct

_EXCEPTION = 0x80
_EXCEPTIONS = {
    1: "1, illegal function",
    2: "2, illegal address",
    3: "3, illegal value",
    4: "4, device failure",
    6: "6, busy",
    10: "10, gateway: no path",
    11: "11, gateway: the device does not answer",
}
BUSY = 6
NOBODY = frozenset({10, 11})
"""Exceptions by which a gateway says that the device behind it does not answer."""


class NotModbusError(ValueError):
    """Bytes that are no answer to the question; the message says why."""


class ExceptionError(Exception):
    """The device answered with an exception."""

    def __init__(self, code: int) -> None:
        super().__init__(_EXCEPTIONS.get(code, str(code)))
        self.code = code


def question(function: int, address: int, size: int) -> bytes:
    """The PDU that reads `size` registers or bits (MODBUS Application Protocol 1.1b3, 6.1 to 6.4)."""
    return struct.pack(">BHH", function, address, size)


def answer(pdu: bytes, function: int, size: int) -> list[int]:
    """Registers, or bits as 0 and 1. Raises ExceptionError, NotModbusError."""
    if len(pdu) >= 2 and pdu[0] == function | _EXCEPTION:
        raise ExceptionError(pdu[1])
    if len(pdu) < 2 or pdu[0] != function:
        raise NotModbusError(f"function {pdu[0] if pdu else '-'} where {function} was asked")
    content = pdu[2:]
    expected = (size + 7) // 8 if function <= 2 else size * 2
    if pdu[1] != expected or len(content) != expected:
        raise NotModbusError(f"{len(content)} bytes where {expected} were asked")
    if function <= 2:
        return [content[at // 8] >> at % 8 & 1 for at in range(size)]
    return list(struct.unpack(f">{size}H", content))


class Tcp:
    """MODBUS Messaging on TCP/IP 1.0b, 3.1.3: transaction, protocol 0, length, unit."""

    HEAD = 7

    @staticmethod
    def write(pdu: bytes, unit: int, transaction: int) -> bytes:
        return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu

    @staticmethod
    def rest(head: bytes) -> int:
        """How many bytes follow the head. Raises NotModbusError."""
        _, protocol, length, _ = struct.unpack(">HHHB", head)
        if protocol != 0 or not 2 <= length <= 254:
            raise NotModbusError("what comes is no Modbus TCP: is it a serial gateway (framing rtu)?")
        return int(length) - 1

    @staticmethod
    def read(head: bytes, rest: bytes, unit: int, transaction: int) -> bytes | None:
        """The PDU; None for the answer to an earlier question. Raises NotModbusError."""
        found, _, _, who = struct.unpack(">HHHB", head)
        if found != transaction:
            return None
        if who != unit:
            raise NotModbusError(f"unit {who} answers where {unit} was asked")
        return rest


class Rtu:
    """MODBUS over Serial Line 1.02, 2.5.1: unit, PDU, CRC."""

    HEAD = 3

    @staticmethod
    def write(pdu: bytes, unit: int, transaction: int) -> bytes:
        frame = bytes((unit,)) + pdu
        return frame + crc(frame)

    @staticmethod
    def rest(head: bytes) -> int:
        """Raises NotModbusError."""
        if head[1] & _EXCEPTION:
            return 2
        if head[1] not in (1, 2, 3, 4):
            raise NotModbusError("what comes is no Modbus RTU")
        return head[2] + 2

    @staticmethod
    def read(head: bytes, rest: bytes, unit: int, transaction: int) -> bytes | None:
        """Raises NotModbusError."""
        frame = head + rest
        if crc(frame[:-2]) != frame[-2:]:
            raise NotModbusError("its checksum is wrong")
        if frame[0] != unit:
            raise NotModbusError(f"unit {frame[0]} answers where {unit} was asked")
        return frame[1:-2]


def crc(frame: bytes) -> bytes:
    """CRC-16 of the serial line, 6.2.2, low byte first."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")
