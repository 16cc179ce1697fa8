"""What drivers can be told, for pages and checks: drivers.json, made from their own settings by `make generate`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

_FILE = Path(__file__).parent / "drivers.json"


class Setting(msgspec.Struct, frozen=True):
    """`type`: bool, int, float, text, choice (of `values`), list, map (name to value) or any."""

    name: str
    label: dict[str, str]
    type: str
    needed: bool = False
    default: Any = None
    values: list[Any] = []


class DriverSaid(msgspec.Struct, frozen=True):
    """`asks`: its devices can be asked. `hears`: they speak of their own accord. `target`: how an address is written
    for it, in both languages."""

    asks: bool
    hears: bool
    target: dict[str, str]
    settings: list[Setting]


@cache
def load() -> dict[str, DriverSaid]:
    """By driver, those that this version's agents have."""
    return msgspec.json.decode(_FILE.read_bytes(), type=dict[str, DriverSaid])


class WrongSettingError(ValueError):
    """A value that its setting cannot have. `name` is the setting's."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(said)
        self.name = name


def read(driver: str, entered: dict[str, str]) -> dict[str, Any]:
    """Settings from what people entered, each as its type; what is empty or the default is left out. Raises
    WrongSettingError. Names that the driver does not have are left out."""
    found: dict[str, Any] = {}
    for setting in load()[driver].settings if driver in load() else ():
        text = entered.get(setting.name, "").strip()
        if not text:
            continue
        value = _value(setting, text)
        if value != setting.default:
            found[setting.name] = value
    return found


def write(driver: str, settings: dict[str, Any]) -> dict[str, str]:
    """What stands in a form for these settings, by name."""
    known = {each.name: each for each in load()[driver].settings} if driver in load() else {}
    return {name: _text(known.get(name), value) for name, value in settings.items()}


def _value(setting: Setting, text: str) -> Any:
    try:
        match setting.type:
            case "text":
                return text
            case "choice":
                return next(each for each in setting.values if str(each) == text)
            case "list" if not text.startswith("["):
                return [_plain(each.strip()) for each in text.replace("，", ",").split(",") if each.strip()]
            case "bool":
                return {"true": True, "false": False}[text]
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "any":
                return _plain(text)
            case _:
                return msgspec.json.decode(text, type=dict if setting.type == "map" else list)
    except (ValueError, KeyError, StopIteration) as error:
        wanted = "/".join(map(str, setting.values)) or setting.type
        raise WrongSettingError(setting.name, f"{setting.name}: {text[:40]!r} is no {wanted}") from error


def _plain(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _text(setting: Setting | None, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return ", ".join(map(str, value))
    return msgspec.json.encode(value).decode()
