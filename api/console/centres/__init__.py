"""Centres: the list of them, and one with its agent and its devices, the broken ones first."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Asker, Sees
from api.console import listing
from api.console.agents import SITE, of_itself
from api.console.listing import LISTED, Cursor, Text
from api.console.page import Page
from api.problems import not_found
from shouwang.ledger import views

router = APIRouter()

DEVICES_SHOWN_MAX = 500
_INCIDENTS_SHOWN_MAX = 50
ORDER = ("down", "silent", "degraded", "unknown", "ok", "not_connected")
"""In which order a centre's devices stand: what is broken first, what was never heard last."""


@router.get("/centres")
def listed(
    request: Request,
    asker: Sees,
    township: Text = "",
    condition: Text = "",
    q: Text = "",
    cursor: Cursor = None,
) -> Response:
    """Centres by township, by state of their agent, by a condition that one of their devices has."""
    page = Page(request, asker)
    chosen = {"township": township, "condition": listing.of(views.CENTRE_CONDITIONS, condition), "q": q}
    with page.house.reading() as connection:
        found = views.centres(
            connection, asker.scope, page.now_ms, limit=LISTED, cursor=cursor, **listing.chosen(chosen)
        )
    return listing.show(page, "centres/list.html", "centres", chosen, views.CENTRE_CONDITIONS, centres=found)


@router.get("/centres/{centre}")
def whole(request: Request, asker: Sees, centre: str) -> Response:
    """One centre."""
    page = Page(request, asker)
    return page.show("centres/page.html", "centres", **_values(page, asker, centre))


@router.get("/centres/{centre}/now")
def now(request: Request, asker: Sees, centre: str) -> Response:
    """The part that the page renews when something changed."""
    page = Page(request, asker)
    return page.show("centres/now.html", "centres", **_values(page, asker, centre))


def _values(page: Page, asker: Asker, code: str) -> dict[str, Any]:
    house = page.house
    with house.reading() as connection:
        centre = views.centre(connection, asker.scope, page.now_ms, code)
        if centre is None:
            raise not_found(f"centre {code!r}")
        devices = views.devices(connection, asker.scope, house.kinds, page.now_ms, centre=code, limit=DEVICES_SHOWN_MAX)
        incidents = views.incidents(
            connection, asker.scope, house.kinds, page.now_ms, open=True, centre=code, limit=_INCIDENTS_SHOWN_MAX
        )
    groups: dict[str, list[dict[str, Any]]] = {condition: [] for condition in ORDER}
    for device in devices["items"]:
        groups[device["condition"] if device["connected"] else "not_connected"].append(device)
    listed = devices["items"] + incidents["items"]
    good = page.request.app.state.last_good.of(house.store, [each for each in listed if _is_out(each)])
    return {
        "centre": centre,
        "incidents": incidents["items"],
        "groups": [(condition, groups[condition]) for condition in ORDER if groups[condition]],
        "agent": of_itself(page, [(code, each["device"]) for each in devices["items"] if each["kind"] == SITE]).get(
            code
        ),
        "cut": DEVICES_SHOWN_MAX if devices["next_cursor"] else 0,
        "scope": {"centre": code, "device": "", "window": centre["maintenance"]},
        "reason": page.reasons_with(good),
    }


def _is_out(item: dict[str, Any]) -> bool:
    return "cause" in item or item["condition"] in ("down", "silent", "unknown")
