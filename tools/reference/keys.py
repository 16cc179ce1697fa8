"""A setting as the code declares it: its name, what it may be, its default; from the JSON Schema of its model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from pydantic import BaseModel

from tools.reference.texts import Language

_TYPES: dict[Language, dict[str, str]] = {
    "en": {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "`true` or `false`",
        "array": "list",
        "path": "path",
        "password": "text, masked",
        "object": "table",
        "needed": "needed",
    },
    "zh": {
        "string": "文本",
        "integer": "整数",
        "number": "数",
        "boolean": "`true` 或 `false`",
        "array": "列表",
        "path": "路径",
        "password": "文本，显示时遮盖",
        "object": "表",
        "needed": "必填",
    },
}


@dataclass(frozen=True)
class Key:
    """`schema`: the JSON Schema of its value."""

    name: str
    schema: dict[str, Any]
    needed: bool

    def possible(self, language: Language) -> str:
        """What may stand there, in words."""
        words = _TYPES[language]
        said = _value(self.schema)
        if "enum" in said or "const" in said:
            return ", ".join(f"`{each}`" for each in said.get("enum", [said.get("const")]))
        name = said.get("format") if said.get("format") in words else said.get("type", "string")
        bounds = _bounds(said)
        return f"{words[str(name)]}{f', {bounds}' if bounds else ''}"

    def default(self, language: Language) -> str:
        """As it would be written; `–` for none."""
        if self.needed:
            return _TYPES[language]["needed"]
        value = self.schema.get("default")
        return "–" if value in (None, "", [], {}, ()) else f"`{json.dumps(value, ensure_ascii=False)}`"


def keys_of(model: Any) -> Iterator[Key]:
    """The keys of a pydantic model or a msgspec struct, in their order."""
    if issubclass(model, BaseModel):
        schema = model.model_json_schema(by_alias=True)
    else:
        whole = msgspec.json.schema(model)
        schema = whole["$defs"][whole["$ref"].rpartition("/")[2]] if "$ref" in whole else whole
    for name, said in schema.get("properties", {}).items():
        if name != getattr(getattr(model, "__struct_config__", None), "tag_field", None):
            yield Key(name, said, name in schema.get("required", ()))


def _value(schema: dict[str, Any]) -> dict[str, Any]:
    """What it is where it is said at all."""
    several = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return several[0] if several else schema


def _bounds(said: dict[str, Any]) -> str:
    low, above = said.get("minimum"), said.get("exclusiveMinimum")
    high = said.get("maximum")
    if low is not None and high is not None:
        return f"{low:g}–{high:g}"
    found = (
        f"> {above:g}" if above is not None else "",
        f"≥ {low:g}" if low is not None else "",
        f"≤ {high:g}" if high is not None else "",
    )
    return ", ".join(filter(None, found))
