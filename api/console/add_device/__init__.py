"""A device is added from the page, tried through its centre's agent, and then kept or taken back.

The agent alone stands in the device's network, so it does the trying: the device joins the fleet on trial, under a
maintenance window in which nobody is told of it, the agent is told to watch it, and is asked to probe it at once.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from starlette.responses import Response

from api.access import AddsDevices, Asker
from api.console.add_device.entered import Entered, check, next_name, of_form
from api.console.add_device.shown import form_values, tried_as, tried_now
from api.console.device.probed import Probed, said_of
from api.console.page import Page
from api.console.when import HOUR_MS
from api.problems import not_found
from api.rest.waiting import PROBE_WITHIN_S, ask_collector
from shouwang.ledger import deeds, views, windows
from shouwang.ledger.adding import AddError, add_device, retire_device

router = APIRouter()

TRIAL = "trial"
"""The reason of a trial's maintenance window."""
TRIAL_MS = HOUR_MS
TRIES = 4
BETWEEN_TRIES_S = 1.5
"""The agent must have heard of the device before it can be asked: its configuration travels meanwhile."""
_DEVICES_MAX = 1_000

Name = Annotated[str, InPath(max_length=64)]


@router.get("/add-device")
def form(request: Request, asker: AddsDevices) -> Response:
    """The form, filled in with what the link says."""
    page = Page(request, asker)
    return _form(page, asker, of_form(request.query_params), {})


@router.post("/add-device")
async def begin(request: Request, asker: AddsDevices) -> Response:
    """Takes the device into the fleet on trial; what is wrong is said beside each field."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    return await asyncio.to_thread(_begin, Page(request, asker), asker, of_form(form), form.get("tried", ""))


@router.post("/add-device/try")
async def try_entered(request: Request, asker: AddsDevices) -> Response:
    """Has the centre's agent ask once what was entered; nothing is kept."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    page, entered = Page(request, asker), of_form(form)
    said, tried, wrong = await tried_now(page, asker, entered)
    if page.is_part:
        return page.show("add_device/tried_now.html", said=said, tried=tried)
    return await asyncio.to_thread(_form, page, asker, entered, wrong, said=said)


@router.get("/add-device/{centre}/{device}")
def trial(request: Request, asker: AddsDevices, centre: Name, device: Name) -> Response:
    """The trial: what the device answers, and whether to keep it."""
    page = Page(request, asker)
    return _trial(page, asker, centre, device, None)


@router.post("/add-device/{centre}/{device}/try")
async def try_it(request: Request, asker: AddsDevices, centre: Name, device: Name) -> Response:
    """Has the agent probe it now."""
    page = Page(request, asker)
    found = await asyncio.to_thread(_found, page, asker, centre, device)
    said = await _tried(page, asker, found)
    return await asyncio.to_thread(_trial, page, asker, centre, device, said)


@router.post("/add-device/{centre}/{device}/keep")
def keep(request: Request, asker: AddsDevices, centre: Name, device: Name) -> Response:
    """Ends the trial: from now on it is watched like any other."""
    page = Page(request, asker)
    _end_trial(page, asker, _found(page, asker, centre, device))
    return page.back(f"/centres/{centre}/devices/{device}")


@router.post("/add-device/{centre}/{device}/take-back")
def take_back(request: Request, asker: AddsDevices, centre: Name, device: Name) -> Response:
    """Takes a device on trial out of the fleet again."""
    page = Page(request, asker)
    found = _found(page, asker, centre, device)
    if not _on_trial(found):
        raise not_found(f"trial of {centre}/{device}")
    _end_trial(page, asker, found)
    with page.house.writing() as connection:
        retire_device(connection, centre, device, page.now_ms)
    return page.back(f"/centres/{centre}")


def _begin(page: Page, asker: Asker, entered: Entered, tried: str) -> Response:
    house = page.house
    with house.reading() as connection:
        if entered.centre and views.centre(connection, asker.scope, page.now_ms, entered.centre) is None:
            return _form(page, asker, entered, {"centre": page.text("There is no such centre.")}, status=422)
    checked = check(entered, house.kinds.declared)
    if checked.row is None:
        wrong = {name: what or page.text("Needed.") for name, what in checked.wrong.items()}
        return _form(page, asker, entered, wrong, status=422)
    row = checked.row
    try:
        with house.writing() as connection:
            add_device(connection, row, page.now_ms)
            if tried == tried_as(row):
                return page.back(f"/centres/{row.centre}/devices/{row.device}")
            until_ms = page.now_ms + TRIAL_MS
            windows.begin(
                connection,
                asker.scope,
                asker.name,
                page.now_ms,
                page.now_ms,
                until_ms,
                centre=row.centre,
                device=row.device,
                reason=TRIAL,
            )
    except AddError as error:
        return _form(page, asker, entered, {"device": str(error)}, status=422)
    return page.back(f"/add-device/{row.centre}/{row.device}")


def _form(
    page: Page,
    asker: Asker,
    entered: Entered,
    wrong: dict[str, str],
    *,
    status: int = 200,
    said: Probed | None = None,
) -> Response:
    house = page.house
    centre, taken = None, set[str]()
    if entered.centre:
        with house.reading() as connection:
            centre = views.centre(connection, asker.scope, page.now_ms, entered.centre)
            if centre is not None:
                devices = views.devices(
                    connection, asker.scope, house.kinds, page.now_ms, centre=entered.centre, limit=_DEVICES_MAX
                )
                taken = {each["device"] for each in devices["items"]}
    if not entered.device and entered.kind in house.kinds and centre is not None:
        entered.device = next_name(house.kinds[entered.kind], taken)
    values = form_values(page, entered, wrong) | {"centre": centre, "said": said}
    return page.show("add_device/form.html", "centres", status=status, **values)


def _trial(page: Page, asker: Asker, centre: str, device: str, said: Probed | None) -> Response:
    found = _found(page, asker, centre, device)
    with page.house.reading() as connection:
        at = views.centre(connection, asker.scope, page.now_ms, centre)
    values: dict[str, Any] = {
        "device": found,
        "agent": at["condition"] if at else "unknown",
        "said": said,
        "on_trial": _on_trial(found),
    }
    return page.show("add_device/tried.html" if page.is_part else "add_device/trial.html", "centres", **values)


async def _tried(page: Page, asker: Asker, device: dict[str, Any]) -> Probed:
    """Asks until the agent knows the device; what it says last stands."""
    done = None
    for number in range(TRIES):
        if number:
            await asyncio.sleep(BETWEEN_TRIES_S)
        done = await ask_collector(asker, deeds.PROBE, PROBE_WITHIN_S, centre=device["centre"], device=device["device"])
        if done is None or done.ok:
            break
    return said_of(page, str(device["kind"]), done)


def _found(page: Page, asker: Asker, centre: str, device: str) -> dict[str, Any]:
    house = page.house
    with house.reading() as connection:
        found = views.device(connection, asker.scope, house.kinds, page.now_ms, centre, device)
    if found is None:
        raise not_found(f"device {device!r} of centre {centre!r}")
    return found


def _on_trial(device: dict[str, Any]) -> bool:
    window = device["maintenance"]
    return window is not None and window["reason"] == TRIAL and window["device"] == device["device"]


def _end_trial(page: Page, asker: Asker, device: dict[str, Any]) -> None:
    if _on_trial(device):
        with page.house.writing() as connection:
            windows.end(connection, asker.scope, device["maintenance"]["id"], page.now_ms)
