"""Mapping files: which object of a MIB is which field of a reading, with scale and words.

A file is TOML. An object is named by its number; `{row}` in it is the row of a table, found by `row`. What a device
does not have is left out of the reading.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as Mapped
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

import msgspec

SHIPPED = Path(__file__).parent / "maps"
FOLDER = "snmp"
"""Where in the agent's state directory a technician's own mapping files are kept."""
FIELDS_MAX = 64
FILE_BYTES_MAX = 64 * 1024
ROWS_MAX = 256

Value: TypeAlias = bool | int | float | str | bytes
Values: TypeAlias = Mapped[str, Value]
"""What a device told: object number → value; text as bytes, as it came."""

_OID = re.compile(r"[012](\.(\d{1,10}|\{row\})){1,127}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class MappingError(ValueError):
    """A mapping file that cannot be used; the message names the file and the place."""


class Declared(msgspec.Struct, forbid_unknown_fields=True):
    """Base of everything a mapping file holds. Not changed after loading."""


class Take(StrEnum):
    """What becomes of a whole column."""

    MIN = "min"
    MAX = "max"
    SUM = "sum"
    MEAN = "mean"
    COUNT = "count"


class Row(Declared):
    """The row of a table whose `column` holds the text `equals`; `{name}` in that is a value of the settings, or where
    they say nothing of it, of `values` in the file."""

    column: str
    equals: str


class Field(Declared):
    """One object and what it becomes.

    `words`: what a number or text stands for; what is not among them is left out. `scale`: times this. `percent_of`:
    the object that is the whole, `left` the rest of it. `rate`: how much a counter grows in a second. `take`: `oid` is
    a column, and this of all its rows counts. `unknown`: numbers by which a device says that it does not know.
    """

    oid: str
    words: dict[str, bool | int | float | str] = {}
    scale: float = 1.0
    percent_of: str = ""
    left: bool = False
    rate: bool = False
    take: Take | None = None
    row: Row | None = None
    unknown: list[int] = []
    text: bool = False


class Column(Declared):
    """One column of a list field."""

    column: int
    words: dict[str, bool | int | float | str] = {}
    scale: float = 1.0
    text: bool = False


class Table(Declared):
    """A list field: `entry` is the table's entry object, a group a row."""

    entry: str
    items: dict[str, Column]


class Trap(Declared):
    """What a notification (by its snmpTrapOID) means: an `event`, `fields`, or nothing but the fields among its own
    objects. `event_by`: the object in it that says which of `events` it is. `hint`: in words, for the log."""

    oid: str
    event: str = ""
    event_by: str = ""
    events: dict[str, str] = {}
    fields: dict[str, bool | int | float | str] = {}
    hint: str = ""


class Mapping(Declared):
    """A mapping file."""

    label: str = ""
    fields: dict[str, Field] = {}
    lists: dict[str, Table] = {}
    traps: list[Trap] = []
    values: dict[str, str] = {}


def load_mapping(name: str, state_directory: Path) -> Mapping:
    """One of ours by its name (`ups-mib`), or a technician's, `snmp/NAME.toml` in the agent's state directory, which
    goes first. Raises MappingError."""
    if not _NAME.fullmatch(name):
        raise MappingError(f"mapping {name[:64]!r}: a name like ups-mib, of [a-z0-9-]")
    for path in (state_directory / FOLDER / f"{name}.toml", SHIPPED / f"{name}.toml"):
        if path.is_file():
            return read_mapping(path)
    ours = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.toml")))
    raise MappingError(
        f"mapping {name!r}: neither in {FOLDER}/ of the agent's state directory nor one of ours ({ours})"
    )


def read_mapping(path: Path) -> Mapping:
    """Raises MappingError."""
    try:
        raw = path.read_bytes()
        if len(raw) > FILE_BYTES_MAX:
            raise MappingError(f"{path.name}: {len(raw)} bytes, at most {FILE_BYTES_MAX}")
        mapping = msgspec.convert(tomllib.loads(raw.decode("utf-8")), Mapping)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MappingError(f"{path.name}: {error}") from error
    _check(mapping, path.name)
    return mapping


def _check(mapping: Mapping, where: str) -> None:
    if len(mapping.fields) + len(mapping.lists) > FIELDS_MAX:
        raise MappingError(f"{where}: {len(mapping.fields) + len(mapping.lists)} fields, at most {FIELDS_MAX}")
    for name, field in mapping.fields.items():
        place = f"{where}: fields.{name}"
        for oid in filter(None, [field.oid, field.percent_of, field.row.column if field.row else ""]):
            if not _OID.fullmatch(oid):
                raise MappingError(f"{place}: {oid!r} is no object's number, as 1.3.6.1.2.1.1.3.0")
            if "{row}" in oid and field.row is None:
                raise MappingError(f"{place}: {oid!r} needs a `row`")
        if field.take is not None and (field.row is not None or field.percent_of or field.rate):
            raise MappingError(f"{place}: `take` is of a whole column, so it goes with no row, rate or percent_of")
    for name, table in mapping.lists.items():
        if not _OID.fullmatch(table.entry) or not table.items:
            raise MappingError(
                f"{where}: lists.{name}: `entry` is the number of a table's entry, with `items` below it"
            )
    for trap in mapping.traps:
        if not _OID.fullmatch(trap.oid):
            raise MappingError(f"{where}: traps: {trap.oid!r} is no notification's number")
        if bool(trap.event_by) != bool(trap.events) or (trap.event and trap.events):
            raise MappingError(f"{where}: traps: {trap.oid}: `event` alone, or `event_by` with its `events`")
        for event in filter(None, [trap.event, *trap.events.values()]):
            if not _EVENT.fullmatch(event):
                raise MappingError(f"{where}: traps: {trap.oid}: event {event!r} is not of [a-z0-9_]")
