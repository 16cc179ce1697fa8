"""What each driver can be told, described for those who may not import the edge: written to shouwang/drivers.json.

python -m edge.described
"""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from edge.hearing import load_listener
from edge.probing import drivers, find_probe

FILE = Path(__file__).parent.parent / "shouwang" / "drivers.json"
_WORDS = Path(__file__).parent / "drivers.toml"
_TYPES: dict[Any, str] = {
    msgspec.inspect.BoolType: "bool",
    msgspec.inspect.IntType: "int",
    msgspec.inspect.FloatType: "float",
    msgspec.inspect.StrType: "text",
    msgspec.inspect.ListType: "list",
    msgspec.inspect.DictType: "map",
}


def described() -> dict[str, Any]:
    """By driver: whether it `asks` its devices and `hears` what they say of their own accord, `target` (how it is
    written, in both languages) and `settings`, each with its name, type (bool, int, float, text, choice, list, map or
    any), default or that it is needed, and what it is called."""
    words = tomllib.loads(_WORDS.read_text("utf-8"))
    return {name: _driver(name, words) for name in drivers()}


def rendered() -> str:
    """The file as checked in."""
    return msgspec.json.format(msgspec.json.encode(described(), order="deterministic"), indent=1).decode() + "\n"


def _driver(name: str, words: dict[str, Any]) -> dict[str, Any]:
    own, of_all = words.get(name, {}), words["every"]
    fields: dict[str, Any] = {}  # of its probe and of its listener, each once
    for of_driver in _asks_and_hears(name):
        info = msgspec.inspect.type_info(of_driver.Settings)
        assert isinstance(info, msgspec.inspect.StructType)
        fields |= {field.name: field for field in info.fields}
    return {
        "asks": find_probe(name) is not None,
        "hears": load_listener(name) is not None,
        "target": own.get("target") or {"zh": "", "en": ""},
        "settings": [_setting(field, own.get(field.name) or of_all.get(field.name)) for field in fields.values()],
    }


def _asks_and_hears(name: str) -> list[Any]:
    """The driver's classes: what asks and what hears have both a `driver` and `Settings`."""
    module = importlib.import_module(f"edge.probes.{name}")
    found = [each for each in vars(module).values() if isinstance(each, type) and getattr(each, "driver", "") == name]
    return [each for each in found if hasattr(each, "Settings")]


def _setting(field: Any, label: dict[str, str] | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": field.name,
        "label": label or {"zh": field.name, "en": field.name},
        "needed": field.required,
        **_type(field.type),
    }
    if not field.required:
        made = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        described["default"] = msgspec.to_builtins(made)
    return described


def _type(type_: Any) -> dict[str, Any]:
    if isinstance(type_, msgspec.inspect.Metadata):
        return _type(type_.type)
    if isinstance(type_, msgspec.inspect.UnionType):
        several = [each for each in type_.types if not isinstance(each, msgspec.inspect.NoneType)]
        return _type(several[0]) if len(several) == 1 else {"type": "any"}
    if isinstance(type_, msgspec.inspect.LiteralType):
        return {"type": "choice", "values": list(type_.values)}
    if isinstance(type_, msgspec.inspect.EnumType):
        return {"type": "choice", "values": [each.value for each in type_.cls]}
    return {"type": _TYPES.get(type(type_), "any")}


if __name__ == "__main__":
    FILE.write_text(rendered(), "utf-8")
