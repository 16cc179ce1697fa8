"""What a pushed message says: fields of its kind from text or JSON, and what happened. Decided without any socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from edge.json_path import find, parse_path
from edge.probes.http.settings import HttpSettings
from shouwang.kinds.declaration import Field, FieldType

EVENTS = frozenset({"help_call", "test_call", "help_cancelled", "tamper"})
_YES, _NO = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


def told(parameters: Mapping[str, str], body: bytes, *, is_json: bool) -> dict[str, Any] | None:
    """Everything that it told: its parameters, and over them its JSON. None where that cannot be read."""
    content: Any = {}
    if is_json:
        try:
            content = msgspec.json.decode(body) if body.strip() else {}
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
    return {**parameters, **content} if isinstance(content, dict) else None


def fields_of(
    said: Mapping[str, Any], settings: HttpSettings, known: Mapping[str, Field]
) -> tuple[dict[str, Any], list[str]]:
    """Fields of a reading, and the names of those whose value is none of theirs."""
    made: dict[str, Any] = {}
    wrong: list[str] = []
    for name, declared in known.items():
        path = settings.push_fields.get(name)
        value = said.get(name) if path is None else find(said, parse_path(path))
        if value is None or value == "":
            continue
        typed = as_field(value, declared)
        if typed is None:
            wrong.append(name)
        else:
            made[name] = typed
    return made, wrong


def event_of(said: Mapping[str, Any], settings: HttpSettings) -> tuple[str, str]:
    """(our word for what happened, its own); the first is empty where nothing did, or its word is not known."""
    value = find(said, parse_path(settings.push_event))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        word = str(value).lower() if isinstance(value, bool) else ""
    else:
        word = str(value).strip()[:64]
    ours = settings.push_words.get(word, word if word in EVENTS else "")
    return (ours if ours in EVENTS else ""), word


def as_field(value: Any, declared: Field) -> Any:
    """A value as its field has it, text turned into what it says; None for one that the field cannot have."""
    match declared.type:
        case FieldType.BOOL:
            text = str(value).strip().lower()
            return True if text in _YES else False if text in _NO else None
        case FieldType.INT | FieldType.FLOAT:
            return _number(value, declared)
        case FieldType.ENUM:
            return value if isinstance(value, str) and value in declared.values else None
        case FieldType.TEXT:
            return value[:200] if isinstance(value, str) else None
        case _:
            return None


def _number(value: Any, declared: Field) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
        whole = round(number) if declared.type is FieldType.INT else number
    except (ValueError, OverflowError):
        return None
    low, high = declared.min, declared.max
    return whole if (low is None or whole >= low) and (high is None or whole <= high) and number == number else None
