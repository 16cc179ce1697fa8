"""One device: how it is and why, its history as charts, what it was, what is known of it; probe now."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Asker, Permission, Probes, Sees
from api.console import when
from api.console.device.history import SPANS_H, default_span_h, history
from api.console.device.probed import probed
from api.console.page import Page, SeesHouseholds
from api.console.words import mark
from api.problems import not_found
from shouwang.ledger import views
from shouwang.readings.store import StoreUnavailable

router = APIRouter()

TRANSITIONS_SHOWN = 50
Hours = Annotated[int | None, Query(ge=1, le=24 * 366)]

_FACTS = (
    (mark("Code"), "device"),
    (mark("Driver"), "driver"),
    (mark("Address"), "target"),
    (mark("Profile"), "profile"),
    (mark("Path"), "path"),
    (mark("Carrier"), "carrier"),
    (mark("SIM pool"), "sim_pool"),
    (mark("ICCID"), "iccid"),
    (mark("SIM expires"), "sim_expires_on"),
    (mark("Owner"), "owner"),
    (mark("Maintainer"), "maintainer"),
    (mark("Model"), "model"),
    (mark("Serial number"), "serial"),
    (mark("Installed"), "installed_on"),
    (mark("Warranty until"), "warranty_until"),
)


@router.get("/centres/{centre}/devices/{device}")
def whole(request: Request, asker: Sees, centre: str, device: str, hours: Hours = None) -> Response:
    """The page."""
    page = Page(request, asker)
    return page.show("device/page.html", "centres", **_page_values(page, asker, centre, device, hours))


@router.get("/centres/{centre}/devices/{device}/now")
def now(request: Request, asker: Sees, centre: str, device: str) -> Response:
    """The part that the page renews when something changed."""
    page = Page(request, asker)
    return page.show("device/now.html", "centres", **_now_values(page, asker, centre, device))


@router.get("/centres/{centre}/devices/{device}/history")
def span(request: Request, asker: Sees, centre: str, device: str, hours: Hours = None) -> Response:
    """The history of another span of time."""
    page = Page(request, asker)
    found = _found(page, asker, centre, device)
    return page.show("device/history.html", "centres", **_history_values(page, asker, found, hours))


@router.post("/centres/{centre}/devices/{device}/probe")
async def probe(request: Request, asker: Probes, centre: str, device: str) -> Response:
    """Asks the device now, through its agent, and says what it answered."""
    page = Page(request, asker)
    said = await probed(page, asker, await asyncio.to_thread(_found, page, asker, centre, device))
    if page.is_part:
        return page.show("layout/said.html", said=said)
    values = await asyncio.to_thread(_page_values, page, asker, centre, device, None)
    return page.show("device/page.html", "centres", **values | {"said": said})


@router.post("/centres/{centre}/devices/{device}/household")
def household(request: Request, asker: SeesHouseholds, centre: str, device: str) -> Response:
    """Whose terminal it is. Each viewing is written down before it is shown."""
    page = Page(request, asker)
    found = _found(page, asker, centre, device)
    asker.note_viewing("household", centre, device)
    if page.is_part:
        return page.show("device/household.html", household=found["household"])
    values = _page_values(page, asker, centre, device, None)
    return page.show("device/page.html", "centres", **values | {"household": found["household"]})


def _found(page: Page, asker: Asker, centre: str, device: str) -> dict[str, Any]:
    house = page.house
    with house.reading() as connection:
        found = views.device(
            connection, asker.scope, house.kinds, page.now_ms, centre, device, house.limits, house.speed
        )
    if found is None:
        raise not_found(f"device {device!r} of centre {centre!r}")
    return found


def _now_values(page: Page, asker: Asker, centre: str, name: str) -> dict[str, Any]:
    house = page.house
    device = _found(page, asker, centre, name)
    incident = None
    if device["incident"]:
        with house.reading() as connection:
            incident = views.incident_view(connection, device["incident"]["id"], asker.scope, house.kinds, page.now_ms)
    latest, store_fails = None, False
    try:
        newest = house.store.latest([(centre, name, device["kind"])]).get((centre, name))
        if newest is not None:
            latest = {"at": newest.taken_at_ms, "figures": page.figures(device["kind"], newest.fields)}
    except StoreUnavailable:
        store_fails = True
    good = page.request.app.state.last_good.of(house.store, [each for each in (device, incident) if each])
    return {
        "device": device,
        "incident": incident,
        "latest": latest,
        "store_fails": store_fails,
        "reason": page.reasons_with(good),
    }


def _history_values(page: Page, asker: Asker, device: dict[str, Any], hours: int | None) -> dict[str, Any]:
    return {
        "history": history(page, asker.scope, device, hours or default_span_h(device, page.now_ms)),
        "spans": [(each, page.text(text)) for each, text in SPANS_H],
        "here_address": f"/centres/{device['centre']}/devices/{device['device']}",
    }


def _page_values(page: Page, asker: Asker, centre: str, name: str, hours: int | None) -> dict[str, Any]:
    house = page.house
    values = _now_values(page, asker, centre, name)
    device = values["device"]
    with house.reading() as connection:
        was = views.transitions(connection, asker.scope, house.kinds, centre, name, limit=TRANSITIONS_SHOWN)
    kind = house.kinds.declared.get(device["kind"])
    return {
        **values,
        **_history_values(page, asker, device, hours),
        "transitions": was["items"] if was else [],
        "facts": _facts(page, device),
        "can_probe": bool(device["target"] or device["driver"]) and device["path"] == centre,
        "said": None,
        "household": None,
        "household_known": asker.may(Permission.SEE_HOUSEHOLDS) and kind is not None and kind.is_terminal,
        "scope": {"centre": centre, "device": name, "window": device["maintenance"]},
    }


def _facts(page: Page, device: dict[str, Any]) -> list[tuple[str, Any]]:
    facts = [(page.text(label), device.get(name)) for label, name in _FACTS]
    limits = device.get("limits")
    if limits:
        for label, name in (
            (mark("Reports every"), "report_every_s"),
            (mark("Silent after"), "silent_after_s"),
            (mark("People told after"), "notify_after_s"),
        ):
            facts.append((page.text(label), when.exactly(round(limits[name] * 1000), page.language)))
    return facts + [(name.removeprefix("x_"), value) for name, value in (device.get("extra") or {}).items()]
