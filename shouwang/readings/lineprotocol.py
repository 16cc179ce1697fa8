"""Readings as InfluxDB's line protocol: two functions a kind, generated from its fields because they run for every
reading.

A field's type on the wire is that of the kind file, always: floats without a suffix, whole numbers with `i`, booleans
`t` and `f`, everything else as escaped text (lists as JSON).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from shouwang.kinds import FieldType, Kind
from shouwang.signs import Sign, SignValue

WHOLE_AT = "whole_at"
"""A field of nearly every point, epoch ms: when the device's last *whole* reading was taken, one whose fields were all
written. Its own time: this is one. Else a field that is missing here is as it was in the readings since then."""
LATE = "late"
"""In place of `whole_at`: a reading that came behind newer ones, with all its fields."""

Seen = list[Any]
"""The values last written of each field of a kind, in the file's order."""


class KindEncoder:
    """`whole(reading, seen)` gives all fields as `,name=value…` and remembers them in `seen`; `changed(reading, seen)`
    only those that left their deadband, or None when a field came or went, so that the reading must be written whole.
    `without`: fields that are left out."""

    def __init__(self, kind: Kind, without: frozenset[str] = frozenset()) -> None:
        self.name = kind.name
        self.fields = [name for name in kind.fields if name not in without]
        sources = [_whole(kind, self.fields), _changed(kind, self.fields)]
        space: dict[str, Any] = {"escaped": escaped, "json_text": _json_text}
        exec("\n".join(sources), space)  # noqa: S102 - names are checked by their declaration: [a-z][a-z0-9_]*
        self.whole: Callable[[Any, Seen], str] = space["whole"]
        self.changed: Callable[[Any, Seen], str | None] = space["changed"]

    def empty(self) -> Seen:
        """Where nothing was written yet."""
        return [None] * len(self.fields)


def escaped(text: str) -> str:
    """The inside of a quoted string; line breaks may stand in it."""
    if '"' not in text and "\\" not in text:
        return text
    return text.replace("\\", "\\\\").replace('"', '\\"')


def sign_line(sign: Sign) -> str:
    """A sign as a line, its time in ms."""
    tags = "".join(f",{name}={_tag(value)}" for name, value in sign.tags.items() if value)
    fields = ",".join(f"{name}={_sign_value(value)}" for name, value in sign.fields.items())
    return f"{sign.measurement}{tags} {fields} {sign.at_ms}"


def _tag(text: str) -> str:
    text = text.replace("\n", " ").rstrip("\\")  # neither can stand there, whatever is put before it
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _sign_value(value: SignValue) -> str:
    match value:
        case bool():
            return "t" if value else "f"
        case int():
            return f"{value}i"
        case float():
            return repr(value)
        case str():
            return f'"{escaped(value)}"'


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _read(kind: Kind, name: str) -> list[str]:
    lines = [f"    v = r.{name}"]
    if kind.fields[name].type is FieldType.LIST:
        lines.append("    if v is not None: v = json_text(v)")
    return lines


def _written(kind: Kind, name: str) -> str:
    match kind.fields[name].type:
        case FieldType.FLOAT:
            value = "{v}"
        case FieldType.INT:
            value = "{v}i"
        case FieldType.BOOL:
            value = "{'t' if v else 'f'}"
        case _:
            value = '"{escaped(v)}"'
    return f"f',{name}={value}'" if '"' in value else f'f",{name}={value}"'


def _whole(kind: Kind, fields: list[str]) -> str:
    lines = ["def whole(r, s):", "    out = ''"]
    for place, name in enumerate(fields):
        lines += _read(kind, name)
        lines += [f"    s[{place}] = v", "    if v is not None:", f"        out += {_written(kind, name)}"]
    return "\n".join([*lines, "    return out"])


def _changed(kind: Kind, fields: list[str]) -> str:
    lines = ["def changed(r, s):", "    out = ''"]
    for place, name in enumerate(fields):
        lines += _read(kind, name)
        field = kind.fields[name]
        if field.deadband > 0 and field.type in (FieldType.FLOAT, FieldType.INT):
            left = f"not -{field.deadband!r} <= v - w <= {field.deadband!r}"  # so a NaN leaves it too
        else:
            left = "v != w"
        lines += [
            f"    w = s[{place}]",
            "    if v is None or w is None:",
            "        if v is not w: return None",
            f"    elif {left}:",
            f"        s[{place}] = v",
            f"        out += {_written(kind, name)}",
        ]
    return "\n".join([*lines, "    return out"])
