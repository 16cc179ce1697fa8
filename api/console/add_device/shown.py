"""The form of a device, new or changed: its fields, the settings of its driver, and what trying it said."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from api.access import Asker
from api.console.add_device.entered import SETTING, Entered, check
from api.console.device.probed import Probed, said_of
from api.console.page import Page
from api.problems import not_found
from api.rest.waiting import PROBE_WITHIN_S, ask_collector
from shouwang import drivers
from shouwang.fleet import FleetRow
from shouwang.ledger import deeds, views
from shouwang.vocabulary import Driver, Room


def form_values(page: Page, entered: Entered, wrong: dict[str, str]) -> dict[str, Any]:
    """What the form's template shows."""
    declared = page.house.kinds.declared
    kind = declared.get(entered.kind)
    said = drivers.load().get(entered.driver_of(declared))
    return {
        "entered": entered,
        "wrong": wrong,
        "kind": kind,
        "kinds": page.kind_labels(),
        "drivers": [each.value for each in Driver],
        "rooms": [each.value for each in Room],
        "profiles": [(n, page.language.label(each.label)) for n, each in (kind.profiles.items() if kind else ())],
        "target_hint": page.language.of_both(said.target) if said else "",
        "settings": [_setting(page, each, entered) for each in (said.settings if said else ())],
        "tried": "",
    }


def _setting(page: Page, setting: drivers.Setting, entered: Entered) -> dict[str, Any]:
    standard = drivers.write(entered.driver_of(page.house.kinds.declared), {setting.name: setting.default})[
        setting.name
    ]
    choices = {"bool": ["true", "false"], "choice": [str(each) for each in setting.values]}.get(setting.type, [])
    words = {"true": page.text("yes"), "false": page.text("no")} if setting.type == "bool" else {}
    return {
        "name": SETTING + setting.name,
        "code": setting.name,
        "label": page.language.of_both(setting.label),
        "value": entered.settings.get(setting.name, ""),
        "standard": "" if setting.default in (None, "", [], {}) else words.get(standard, standard),
        "choices": [(each, words.get(each, each)) for each in choices],
        "number": setting.type in ("int", "float"),
        "json": setting.type == "map",
        "needed": setting.needed,
    }


async def tried_now(page: Page, asker: Asker, entered: Entered) -> tuple[Probed, str, dict[str, str]]:
    """Has the centre's agent ask once what was entered: what it said; where all is well, the mark by which adding it
    knows that it was tried (see `tried_as`); and what is wrong with the fields."""
    await asyncio.to_thread(_check_centre, page, asker, entered.centre)
    named = entered if entered.device else Entered(**{**_as_dict(entered), "device": "tried"})
    checked = check(named, page.house.kinds.declared)
    if checked.row is None:
        wrong = {name: what or page.text("Needed.") for name, what in checked.wrong.items()}
        return Probed("bad", page.text("It cannot be tried yet"), "; ".join(wrong.values())), "", wrong
    row = checked.row
    try:
        note = _trial(row).as_note()
    except ValueError as error:
        return Probed("bad", page.text("It cannot be tried yet"), str(error)), "", {}
    done = await ask_collector(asker, deeds.TRY, PROBE_WITHIN_S, centre=row.centre, note=note)
    said = said_of(page, row.kind, done)
    return said, tried_as(row) if said.kind == "good" else "", {}


def tried_as(row: FleetRow) -> str:
    """A mark of what was tried: another one for another address, driver or setting."""
    return hashlib.sha256(f"{row.centre} {_trial(row).as_note()}".encode()).hexdigest()[:16]


def _trial(row: FleetRow) -> deeds.Trial:
    return deeds.Trial(row.kind, row.driver, row.target, row.settings or {})


def _check_centre(page: Page, asker: Asker, centre: str) -> None:
    with page.house.reading() as connection:
        if views.centre(connection, asker.scope, page.now_ms, centre) is None:
            raise not_found(f"centre {centre!r}")


def _as_dict(entered: Entered) -> dict[str, Any]:
    return {name: getattr(entered, name) for name in Entered.__slots__}
