"""What a device's settings say, as its driver wants them: a cell cannot tell the user 1002 from the number 1002.

Only what cannot be meant otherwise is put right: a number where the driver takes text and no number, a number written
as text where it takes numbers alone. Everything else is left, for the driver's own types to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

_NUMBERS = (inspect.IntType, inspect.FloatType)


def as_wanted(said: Mapping[str, Any], wanted: type[msgspec.Struct]) -> dict[str, Any]:
    """The settings with numbers and text as `wanted` has them, by name; names that it does not have stay."""
    types = _types(wanted)
    return {name: _fitted(value, types[name]) if name in types else value for name, value in said.items()}


def unknown_in(said: Iterable[str], wanted: type[msgspec.Struct]) -> str:
    """What is wrong with names that `wanted` does not have, with the nearest that it has; "" where nothing is."""
    if not wanted.__struct_config__.forbid_unknown_fields:
        return ""
    known = _types(wanted)
    return "; ".join(f"{name!r} is unknown; {_nearest(name, known)}" for name in said if name not in known)


def _nearest(name: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches  # seldom needed, and a third of a megabyte

    if close := get_close_matches(name, known, 1, 0.5):
        return f"did you mean {close[0]}?"
    return f"it has {', '.join(sorted(known))}" if known else "it has no settings"


@cache
def _types(wanted: type[msgspec.Struct]) -> dict[str, inspect.Type]:
    info = inspect.type_info(wanted)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name: field.type for field in info.fields}


def _fitted(value: Any, type_: inspect.Type) -> Any:
    if isinstance(type_, inspect.Metadata):
        return _fitted(value, type_.type)
    if isinstance(type_, inspect.UnionType):
        return _of_several(value, type_.types)
    if isinstance(type_, inspect.ListType | inspect.VarTupleType | inspect.SetType) and isinstance(value, list):
        return [_fitted(each, type_.item_type) for each in value]
    if isinstance(type_, inspect.DictType) and isinstance(value, dict):
        return {name: _fitted(each, type_.value_type) for name, each in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        if isinstance(type_, inspect.StrType):
            return _text(value)
        if isinstance(type_, inspect.LiteralType) and value not in type_.values and _text(value) in type_.values:
            return _text(value)
    if isinstance(value, str) and isinstance(type_, _NUMBERS):
        return _number(value, type_)
    return value


def _of_several(value: Any, types: tuple[inspect.Type, ...]) -> Any:
    """A type that may also be None is that type; of several others, what stands there may well be meant."""
    others = [each for each in types if not isinstance(each, inspect.NoneType)]
    return _fitted(value, others[0]) if len(others) == 1 and value is not None else value


def _text(number: float) -> str:
    return msgspec.json.encode(number).decode()


def _number(text: str, type_: inspect.Type) -> Any:
    try:
        number = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    if isinstance(number, bool) or not isinstance(number, int | float):
        return text
    return int(number) if isinstance(type_, inspect.IntType) and number == int(number) else number
