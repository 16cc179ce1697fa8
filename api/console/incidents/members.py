"""What is part of a common cause, by the names that people know instead of codes."""

from __future__ import annotations

from typing import Any

from api.access import Asker
from api.console.page import Page
from shouwang.ledger import views

SHOWN_MAX = 200
_CENTRES_NAMED_MAX = 40
_DEVICES_OF_ONE_MAX = 500


def members(page: Page, asker: Asker, names: list[str]) -> list[dict[str, str]]:
    """Title, what stands beside it, and address of each member (`centre` or `centre/device`), the first SHOWN_MAX;
    beyond _CENTRES_NAMED_MAX centres the codes must do."""
    shown = names[:SHOWN_MAX]
    whole = [name for name in shown if "/" not in name]
    partly = list(dict.fromkeys(name.partition("/")[0] for name in shown if "/" in name))
    titles: dict[str, tuple[str, str]] = {}
    house = page.house
    with house.reading() as connection:
        for code in whole[:_CENTRES_NAMED_MAX]:
            centre = views.centre(connection, asker.scope, page.now_ms, code)
            if centre is not None:
                titles[code] = (centre["name"] or code, centre["township_name"])
        for code in partly[:_CENTRES_NAMED_MAX]:
            found = views.devices(
                connection, asker.scope, house.kinds, page.now_ms, centre=code, limit=_DEVICES_OF_ONE_MAX
            )
            for device in found["items"]:
                beside = device["centre_name"] if len(partly) > 1 else device["device"]
                titles[f"{code}/{device['device']}"] = (page.title(device), beside)
    return [_member(name, *titles.get(name, (name, ""))) for name in shown]


def _member(name: str, title: str, beside: str) -> dict[str, Any]:
    centre, _, device = name.partition("/")
    address = f"/centres/{centre}" + (f"/devices/{device}" if device else "")
    return {"title": title, "beside": beside, "address": address}
