"""What a kind file may say, and the reading of it."""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path

import msgspec

from shouwang.kinds.pictures import PictureLimits
from shouwang.vocabulary import Condition, Driver, Net, Room, Severity

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RESERVED = frozenset({"device", "kind", "age_ms", "centre", "time", "taken_at_ms"})
_HOURS = re.compile(r"([01]\d|2[0-4]):[0-5]\d")


class KindError(ValueError):
    """A kind file that cannot be used; the message names the file and the place."""


class Declared(msgspec.Struct, forbid_unknown_fields=True):
    """Base of everything a kind file holds. Not changed after loading."""


class Label(Declared):
    zh: str
    en: str


class FieldType(StrEnum):
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    ENUM = "enum"
    TEXT = "text"
    LIST = "list"  # of groups, as an ATM's cash units; stored as JSON text


class Field(Declared):
    """A field of a reading. `min` and `max` are the possible, not the healthy, range."""

    type: FieldType
    label: Label
    unit: str = ""
    min: float | None = None
    max: float | None = None
    values: list[str] = []
    value_labels: dict[str, Label] = {}
    deadband: float = 0.0
    items: dict[str, Field] = {}


class Test(Declared):
    """One thing that must hold of a field for a rule to match; a field that a reading lacks matches nothing."""

    field: str
    is_: bool | int | str | None = msgspec.field(default=None, name="is")
    in_: list[str] = msgspec.field(default_factory=list, name="in")
    below: float | None = None
    above: float | None = None
    item: str = ""  # of a list field: the test holds for any of its groups


class Rule(Declared):
    """When a device of the kind is not `ok`, in one line.

    `counted`: only so many readings in a row (`down_after_probes`) make it so. `power`: the mains are its cause, which
    all that hangs on them has in common. `escalate_after_s`: when it has held
    that long, the incident's severity becomes `escalate_to`.
    """

    code: str
    condition: Condition
    when: list[Test]
    reason: Label
    counted: bool = False
    power: bool = False
    severity: Severity | None = None
    escalate_after_s: float | None = None
    escalate_to: Severity | None = None
    excused_in: list[str] = []  # declared weather in which the rule does not hold


class Limits(Declared):
    """Seconds, but for `down_after_probes`, which counts."""

    report_every_s: float = 60.0
    silent_after_s: float = 180.0
    down_after_probes: int = 3
    notify_after_s: float = 300.0


class Profile(Declared):
    """What differs for some devices of a kind."""

    label: Label
    report_every_s: float | None = None
    silent_after_s: float | None = None
    down_after_probes: int | None = None
    notify_after_s: float | None = None
    driver: Driver | None = None


class Kind(Declared):
    """One kind of device. `is_terminal`: an elderly person depends on it."""

    name: str
    label: Label
    net: Net
    room: Room
    severity: Severity
    fields: dict[str, Field]
    rules: list[Rule]
    limits: Limits = msgspec.field(default_factory=Limits)
    driver: Driver = Driver.ICMP
    is_terminal: bool = False
    judged_hours: tuple[str, str] | None = None  # Asia/Shanghai; outside of them nothing is judged
    severity_in_rooms: dict[Room, Severity] = {}
    profiles: dict[str, Profile] = {}
    picture: PictureLimits | None = None  # of what has pictures that are checked
    code_prefix: str = ""  # how sample and simulated devices are named: `call` → `call-07`

    def limits_of(self, profile: str | None) -> Limits:
        """The limits of a profile; those of the kind where it says nothing. Raises KeyError for an unknown profile."""
        if not profile:
            return self.limits
        chosen = self.profiles[profile]
        own = self.limits
        return Limits(
            report_every_s=own.report_every_s if chosen.report_every_s is None else chosen.report_every_s,
            silent_after_s=own.silent_after_s if chosen.silent_after_s is None else chosen.silent_after_s,
            down_after_probes=own.down_after_probes if chosen.down_after_probes is None else chosen.down_after_probes,
            notify_after_s=own.notify_after_s if chosen.notify_after_s is None else chosen.notify_after_s,
        )

    def severity_in(self, room: str | None) -> Severity:
        """How grave its loss is in this room."""
        return self.severity_in_rooms.get(room, self.severity) if room else self.severity  # type: ignore[call-overload]

    def rule(self, code: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.code == code), None)


def load_file(path: Path) -> Kind:
    """The kind that a file declares. Raises KindError."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KindError(f"{path.name}: {error}") from error
    try:
        kind = msgspec.convert({"name": path.stem, **raw}, Kind)
    except msgspec.ValidationError as error:
        raise KindError(f"{path.name}: {error}") from error
    _check(kind, path.name)
    return kind


def load(*folders: Path) -> dict[str, Kind]:
    """Every kind, ours first; a folder of the user's own may add kinds but not redefine ours. Raises KindError."""
    kinds = dict(_ours())
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            kind = load_file(path)
            if kind.name in kinds:
                raise KindError(f"{path}: kind {kind.name!r} exists already")
            kinds[kind.name] = kind
    return kinds


@cache
def _ours() -> dict[str, Kind]:
    return {path.stem: load_file(path) for path in sorted(Path(__file__).parent.glob("*.toml"))}


def _check(kind: Kind, where: str) -> None:
    if not _NAME.fullmatch(kind.name):
        raise KindError(f"{where}: the kind's name {kind.name!r} is not [a-z][a-z0-9_]*")
    for name, field in kind.fields.items():
        _check_field(name, field, f"{where}: fields.{name}")
    codes = [rule.code for rule in kind.rules]
    for rule in kind.rules:
        place = f"{where}: rule {rule.code!r}"
        if not _NAME.fullmatch(rule.code) or codes.count(rule.code) > 1:
            raise KindError(f"{place}: its code must be [a-z][a-z0-9_]* and stand once")
        if rule.condition not in (Condition.DEGRADED, Condition.DOWN):
            raise KindError(f"{place}: condition must be degraded or down, not {rule.condition}")
        if (rule.escalate_after_s is None) != (rule.escalate_to is None):
            raise KindError(f"{place}: escalate_after_s and escalate_to go together")
        if not rule.when:
            raise KindError(f"{place}: `when` is empty, so it would always hold")
        for test in rule.when:
            _check_test(test, kind.fields, place)
    if kind.judged_hours and not all(_HOURS.fullmatch(hour) for hour in kind.judged_hours):
        raise KindError(f'{where}: judged_hours must be like ["09:00", "17:00"]')


def _check_field(name: str, field: Field, place: str) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise KindError(f"{place}: not a usable field name")
    if (field.type is FieldType.ENUM) != bool(field.values):
        raise KindError(f"{place}: `values` goes with type enum")
    if (field.type is FieldType.LIST) != bool(field.items):
        raise KindError(f"{place}: `items` goes with type list")
    for item, inner in field.items.items():
        if inner.type is FieldType.LIST:
            raise KindError(f"{place}.items.{item}: a list in a list")
        _check_field(item, inner, f"{place}.items.{item}")
    if unknown := set(field.value_labels) - set(field.values):
        raise KindError(f"{place}: value_labels for unknown values {sorted(unknown)}")


def _check_test(test: Test, fields: dict[str, Field], place: str) -> None:
    field = fields.get(test.field)
    if field is None:
        raise KindError(f"{place}: no field {test.field!r}")
    if (field.type is FieldType.LIST) != bool(test.item):
        raise KindError(f"{place}: `item` goes with a field of type list")
    if test.item:
        inner = field.items.get(test.item)
        if inner is None:
            raise KindError(f"{place}: {test.field} has no item {test.item!r}")
        field = inner
    given = [test.is_ is not None, bool(test.in_), test.below is not None, test.above is not None]
    if sum(given) != 1:
        raise KindError(f"{place}: give one of is, in, below, above for {test.field}")
    if test.below is not None or test.above is not None:
        if field.type not in (FieldType.INT, FieldType.FLOAT):
            raise KindError(f"{place}: below and above need a number, {test.field} is {field.type}")
    elif field.type is FieldType.ENUM:
        for value in [*test.in_, *([test.is_] if test.is_ is not None else [])]:
            if value not in field.values:
                raise KindError(f"{place}: {value!r} is no value of {test.field}")
    elif field.type is FieldType.BOOL and not isinstance(test.is_, bool):
        raise KindError(f"{place}: {test.field} is true or false")
