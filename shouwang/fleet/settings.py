"""What a driver is told of one device, as it stands in a cell: `user=admin; password=secret:hall`, or a JSON object.

A value that reads as JSON is that (a number, true, a list), any other is text: as `--set` of `shouwang probe`. A number
that would not be written the same again (0042, 1e5, 1.50) is kept as it stands; drivers take either (edge/told.py).
Nothing that opens a door stands here: a setting whose name says so names an entry of the agent's own file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from shouwang.passwords import opens_a_door

BYTES_MAX = 8_192
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SECRET = re.compile(r"secret:[A-Za-z0-9_.-]{1,64}")
_KNOWN_TO_ALL = ("", None, "public")  # the community that every switch is sold with
_PLAIN = re.compile(r"[^;\s\"{\[][^;]*")


def read(text: str) -> dict[str, Any]:
    """The settings of a cell. Raises ValueError with what to do."""
    text = text.strip()
    if len(text.encode()) > BYTES_MAX:
        raise ValueError(f"settings of {len(text.encode())} bytes, at most {BYTES_MAX}")
    found = _object(text) if text.startswith("{") else _pairs(text)
    check(found)
    return found


def write(settings: Mapping[str, Any]) -> str:
    """The cell that `read` reads back the same; empty for none."""
    parts: list[str] = []
    for name, value in settings.items():
        plain = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if not _PLAIN.fullmatch(plain) or plain.strip() != plain or read_value(plain) != value:
            return msgspec.json.encode(dict(settings)).decode()
        parts.append(f"{name}={plain}")
    return "; ".join(parts)


def check(settings: Mapping[str, Any]) -> None:
    """Raises ValueError for a name that no driver has, or a password that stands here."""
    for name, value in settings.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:40]!r} is no name of a setting: a-z, 0-9 and _, as in user=admin")
        _no_door(name, value)


def _no_door(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        for inner, of_it in value.items():
            _no_door(str(inner), of_it)
    elif isinstance(value, list):
        for each in value:
            _no_door(name, each)
    elif (
        opens_a_door(name) and value not in _KNOWN_TO_ALL and not (isinstance(value, str) and _SECRET.fullmatch(value))
    ):
        raise ValueError(
            f"{name} stands here in plain: passwords stand only in the agent's own file; write {name}=secret:NAME"
        )


def _object(text: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"settings are no JSON object: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("settings are no JSON object")
    return found


def _pairs(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in filter(None, (each.strip() for each in re.split(r"[;；]", text))):
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals:
            raise ValueError(f"{pair[:40]!r} is no setting: write NAME=VALUE, several with ; between, or a JSON object")
        if name in found:
            raise ValueError(f"the setting {name[:40]!r} stands twice")
        found[name] = read_value(value.strip())
    return found


def read_value(text: str) -> Any:
    """What stands behind `=`."""
    try:
        found = msgspec.json.decode(text)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return text if is_number and msgspec.json.encode(found).decode() != text else found
    except (msgspec.DecodeError, RecursionError, OverflowError):
        return text
