"""Which registers make which field: read from one line of text each, gathered into few questions; pure.

`input 12 float cdab *0.1`: table and address (from 0, as on the wire), then in any order the type (`u16` where nothing
is said; `s16 u32 s32 float`), the order of a 32-bit value's words (`abcd` or `cdab`), `*SCALE`, `+OFFSET`, `bit N`,
`unknown N`. `discrete 0 not`: coils and discrete inputs are true or false, `not` turns them round.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

REGISTERS_AT_ONCE = 120  # MODBUS Application Protocol 1.1b3, 6.3: at most 125
BITS_AT_ONCE = 1_000  # 6.1: at most 2,000
_GAP = 8
"""So many registers that nobody asked for are read along rather than asking twice."""
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")


class RegisterError(ValueError):
    """A line that cannot be read; the message says which part of it."""


class Table(StrEnum):
    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def function(self) -> int:
        """Its function code for reading."""
        return {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}[self]

    @property
    def is_bits(self) -> bool:
        return self in (Table.COIL, Table.DISCRETE)


_FORMATS = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "float": ">f"}


@dataclass(frozen=True, slots=True)
class Point:
    """One field's place."""

    table: Table
    address: int
    type: str = "u16"
    swapped: bool = False
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None
    turned: bool = False
    unknown: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """Registers or bits."""
        return 2 if self.type in ("u32", "s32", "float") else 1


@dataclass(slots=True)
class Batch:
    """Registers or bits that are asked for at once."""

    table: Table
    address: int
    size: int
    points: dict[str, Point] = field(default_factory=dict)


def parse_point(text: str) -> Point:
    """Raises RegisterError."""
    words = text.split()
    try:
        table = Table(words[0])
        address = int(words[1])
    except (IndexError, ValueError):
        tables = ", ".join(Table)
        raise RegisterError(f"{text!r}: begin with a table ({tables}) and an address, as input 12") from None
    if not 0 <= address <= 65_535:
        raise RegisterError(f"{text!r}: address {address} is not between 0 and 65535")
    said: dict[str, Any] = {}
    unknown: list[float] = []
    rest = iter(words[2:])
    for word in rest:
        if word in _FORMATS:
            said["type"] = word
        elif word in ("abcd", "cdab"):
            said["swapped"] = word == "cdab"
        elif word == "not":
            said["turned"] = True
        elif word[0] == "*" and _NUMBER.fullmatch(word[1:]):
            said["scale"] = float(word[1:])
        elif word in ("bit", "unknown"):
            number = next(rest, "")
            if not _NUMBER.fullmatch(number):
                raise RegisterError(f"{text!r}: {word} needs a number")
            if word == "bit":
                said["bit"] = int(float(number))
            else:
                unknown.append(float(number))
        elif word[0] in "+-" and _NUMBER.fullmatch(word):
            said["offset"] = float(word)
        else:
            raise RegisterError(f"{text!r}: {word!r} is not understood")
    point = Point(table, address, unknown=tuple(unknown), **said)
    if table.is_bits and (said.keys() - {"turned"} or unknown):
        raise RegisterError(f"{text!r}: a {table} is true or false, and has no type or scale")
    if point.bit is not None and (point.size != 1 or not 0 <= point.bit <= 15):
        raise RegisterError(f"{text!r}: bit 0 to 15 of one register")
    if point.turned and not table.is_bits and point.bit is None:
        raise RegisterError(f"{text!r}: `not` is for what is true or false")
    if address + point.size > 65_536:
        raise RegisterError(f"{text!r}: it ends beyond address 65535")
    return point


def batches(points: Mapping[str, Point], *, one_by_one: bool = False) -> list[Batch]:
    """As few questions as the protocol's limits allow; with `one_by_one` one for each point."""
    made: list[Batch] = []
    for name, point in sorted(points.items(), key=lambda item: (item[1].table, item[1].address)):
        last = made[-1] if made else None
        end = point.address + point.size
        if last is not None and last.table == point.table and not one_by_one:
            limit = BITS_AT_ONCE if point.table.is_bits else REGISTERS_AT_ONCE
            near = point.address - (last.address + last.size) <= _GAP
            if near and end - last.address <= limit:
                last.size = max(last.size, end - last.address)
                last.points[name] = point
                continue
        made.append(Batch(point.table, point.address, point.size, {name: point}))
    return made


def values(batch: Batch, registers: Sequence[int]) -> dict[str, bool | int | float]:
    """Fields of a batch from its registers (0 to 65535) or bits (0 or 1); what says that it is unknown is left out."""
    made: dict[str, bool | int | float] = {}
    for name, point in batch.points.items():
        start = point.address - batch.address
        value = _value(point, registers[start : start + point.size])
        if value is not None:
            made[name] = value
    return made


def _value(point: Point, registers: Sequence[int]) -> bool | int | float | None:
    if point.table.is_bits:
        return bool(registers[0]) is not point.turned
    if point.bit is not None:
        return bool(registers[0] >> point.bit & 1) is not point.turned
    words = list(reversed(registers)) if point.swapped else list(registers)
    (number,) = struct.unpack(_FORMATS[point.type], struct.pack(f">{len(words)}H", *words))
    if not math.isfinite(number) or number in point.unknown:
        return None
    value = number * point.scale + point.offset
    if isinstance(number, int) and value == int(value):
        return int(value)
    return float(f"{value:.6g}")
