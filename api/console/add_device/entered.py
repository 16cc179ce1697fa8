"""What was entered for a new device, checked by the rules of the fleet file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from shouwang import fleet
from shouwang.fleet import FleetRow
from shouwang.kinds import Kind

_NUMBER = re.compile(r"-(\d{1,4})$")


@dataclass(slots=True)
class Entered:
    """The form as it was filled in; names are those of the fleet file's columns."""

    centre: str = ""
    kind: str = ""
    device: str = ""
    device_name: str = ""
    room: str = ""
    driver: str = ""
    target: str = ""
    profile: str = ""
    household: str = ""
    owner: str = ""
    maintainer: str = ""


@dataclass(slots=True)
class Checked:
    """`row` stands only where nothing is `wrong` (column → what, and what to do)."""

    row: FleetRow | None = None
    wrong: dict[str, str] = field(default_factory=dict)


def check(entered: Entered, kinds: Mapping[str, Kind]) -> Checked:
    """The row of the fleet file that was entered, or what is wrong with it."""
    values = {each.name: str(getattr(entered, each.name)).strip() for each in fields(entered)}
    entry = {name: value for name, value in values.items() if value}
    missing = {name: "" for name in ("centre", "device", "kind") if name not in entry}
    if missing:
        return Checked(wrong=missing)
    parsed = fleet.parse(msgspec.json.encode([entry]), kinds, name="")
    if parsed.errors:
        return Checked(wrong={error.column or "device": error.message for error in reversed(parsed.errors)})
    return Checked(row=parsed.rows[0])


def next_name(kind: Kind, taken: set[str]) -> str:
    """A name for one more device of the kind: `call-07` after `call-06`; the bare prefix while it is free."""
    prefix = kind.code_prefix or kind.name.replace("_", "-")
    numbers = [int(found[1]) for name in taken if name.startswith(f"{prefix}-") and (found := _NUMBER.search(name))]
    if not numbers:
        return prefix if prefix not in taken else f"{prefix}-02"
    return f"{prefix}-{max(numbers) + 1:02d}"


def of_form(form: Mapping[str, Any]) -> Entered:
    """What a form (or the query of a link) says."""
    return Entered(**{each.name: str(form.get(each.name) or "")[:255] for each in fields(Entered)})
