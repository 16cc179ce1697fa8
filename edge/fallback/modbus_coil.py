"""Switches one coil by Modbus TCP (function 5, write single coil): a siren, a light.

Twelve bytes and their echo: a library would cost an agent more memory than all of its outbox.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.allowed import Allowed

_WRITE_COIL = 5


@dataclass(frozen=True, slots=True)
class Coil:
    """Where it is."""

    host: str
    port: int
    unit: int
    address: int


def parse_coil(target: str) -> Coil:
    """`modbus://192.168.1.40:502/1/0`: unit 1, coil 0. Raises ValueError."""
    parts = urlsplit(target)
    words = parts.path.strip("/").split("/")
    if parts.scheme != "modbus" or not parts.hostname or len(words) != 2 or not all(word.isdigit() for word in words):
        raise ValueError(f"{target!r}: expected modbus://host:502/unit/coil, as modbus://192.168.1.40/1/0")
    unit, address = int(words[0]), int(words[1])
    if unit > 255 or address > 65_535:
        raise ValueError(f"{target!r}: a unit is at most 255, a coil 65535")
    return Coil(parts.hostname, parts.port or 502, unit, address)


async def switch(coil: Coil, on: bool, allowed: Allowed) -> None:
    """Raises OSError with what went wrong, or NotAllowedError; the caller limits the time."""
    address = await allowed.resolve(coil.host, coil.port)
    reader, writer = await asyncio.open_connection(address, coil.port)
    try:
        body = struct.pack(">BBHH", coil.unit, _WRITE_COIL, coil.address, 0xFF00 if on else 0)
        request = struct.pack(">HHH", 1, 0, len(body)) + body
        writer.write(request)
        head = await reader.readexactly(6)
        length = struct.unpack(">H", head[4:])[0]
        if not 3 <= length <= 256:
            raise OSError("it answers what is no Modbus")
        answer = await reader.readexactly(length)
        if answer[1] == _WRITE_COIL | 0x80:
            raise OSError(f"it refuses: Modbus exception {answer[2]}")
        if head + answer != request:
            raise OSError("it confirms something else")
    except asyncio.IncompleteReadError as error:
        raise OSError("it hung up") from error
    finally:
        writer.transport.abort()
