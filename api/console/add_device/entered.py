"""What was entered for a new device, checked by the rules of the fleet file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgspec

from shouwang import drivers, fleet
from shouwang.drivers import WrongSettingError
from shouwang.fleet import FleetRow
from shouwang.kinds import Kind

SETTING = "set_"
"""What the names of fields that hold a setting begin with."""
SETTING_CHARS_MAX = 1_000
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
    settings: dict[str, str] = field(default_factory=dict)  # of the driver, as entered

    def driver_of(self, kinds: Mapping[str, Kind]) -> str:
        """The driver that was chosen, or the kind's own."""
        return self.driver or (str(kinds[self.kind].driver) if self.kind in kinds else "")


@dataclass(slots=True)
class Checked:
    """`row` stands only where nothing is `wrong` (column → what, and what to do)."""

    row: FleetRow | None = None
    wrong: dict[str, str] = field(default_factory=dict)


def check(entered: Entered, kinds: Mapping[str, Kind]) -> Checked:
    """The row of the fleet file that was entered, or what is wrong with it."""
    values = {name: str(getattr(entered, name)).strip() for name in _TEXTS}
    entry: dict[str, Any] = {name: value for name, value in values.items() if value}
    missing = {name: "" for name in ("centre", "device", "kind") if name not in entry}
    if missing:
        return Checked(wrong=missing)
    try:
        settings = drivers.read(entered.driver_of(kinds), entered.settings)
    except WrongSettingError as error:
        return Checked(wrong={SETTING + error.name: str(error)})
    if settings:
        entry["settings"] = settings
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
    said = {name: str(form.get(name) or "")[:255] for name in _TEXTS}
    settings = {
        name.removeprefix(SETTING): str(value)[:SETTING_CHARS_MAX]
        for name, value in form.items()
        if name.startswith(SETTING) and value
    }
    return Entered(**said, settings=settings)


def of_device(device: Mapping[str, Any]) -> Entered:
    """What a form holds for a device that there is (its view's dict); its household stays where it is."""
    said = {name: str(device.get(name) or "") for name in _TEXTS if name not in ("household", "device_name")}
    settings = drivers.write(str(device.get("driver") or ""), device.get("settings") or {})
    return Entered(**said, device_name=str(device.get("name") or ""), settings=settings)


_TEXTS = tuple(each.name for each in fields(Entered) if each.name != "settings")
