"""Readings on the wire: one msgspec type a kind, made from its declaration, decoded as a union tagged by `kind`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta

from shouwang.kinds.declaration import Field, FieldType, Kind, load
from shouwang.kinds.judge import Judge, make_judge
from shouwang.reasons import Reason

TEXT_MAX = 256
LIST_MAX = 64
AGE_MAX_MS = 400 * 86_400_000


class Kinds:
    """All kinds of a running part: their declarations, wire types and judges.

    `types[kind]` is the struct of a reading: `device`, `age_ms`, `why` (what its agent says was wrong), then the kind's
    fields in the file's order, None where absent. `reading_type` is the union of them all, for a decoder.
    """

    def __init__(self, declared: dict[str, Kind] | None = None) -> None:
        self.declared: dict[str, Kind] = load() if declared is None else declared
        self.types: dict[str, type[msgspec.Struct]] = {n: _struct(k) for n, k in self.declared.items()}
        self.judges: dict[str, Judge] = {name: make_judge(kind) for name, kind in self.declared.items()}
        self.reading_type: Any = Union[tuple(self.types.values())]  # noqa: UP007

    def __getitem__(self, name: str) -> Kind:
        return self.declared[name]

    def __contains__(self, name: object) -> bool:
        return name in self.declared

    def __iter__(self) -> Any:
        return iter(self.declared)


def kind_of(reading: msgspec.Struct) -> str:
    """The kind's name of a reading."""
    return str(type(reading).__struct_config__.tag)


def _struct(kind: Kind) -> type[msgspec.Struct]:
    members: list[Any] = [
        ("device", Annotated[str, Meta(min_length=1, max_length=65)]),  # its form is checked by looking it up
        ("age_ms", Annotated[int, Meta(ge=0, le=AGE_MAX_MS)] | None, None),
        ("why", Reason | None, None),
    ]
    members += [(name, _type(kind.name, name, field) | None, None) for name, field in kind.fields.items()]
    return msgspec.defstruct(_camel(kind.name), members, tag_field="kind", tag=kind.name, gc=False, omit_defaults=True)


def _type(kind: str, name: str, field: Field) -> Any:
    match field.type:
        case FieldType.BOOL:
            return bool
        case FieldType.ENUM:
            return Literal[tuple(field.values)]
        case FieldType.TEXT:
            return Annotated[str, Meta(max_length=TEXT_MAX)]
        case FieldType.LIST:
            items = [(item, _type(kind, item, inner) | None, None) for item, inner in field.items.items()]
            group = msgspec.defstruct(_camel(f"{kind}_{name}"), items, gc=False, omit_defaults=True)
            return Annotated[list[group], Meta(max_length=LIST_MAX)]  # type: ignore[valid-type]
        case FieldType.INT:
            low, high = field.min, field.max
            return Annotated[int, Meta(ge=None if low is None else int(low), le=2**53 if high is None else int(high))]
        case FieldType.FLOAT:
            return Annotated[float, Meta(ge=field.min, le=1e15 if field.max is None else field.max)]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
