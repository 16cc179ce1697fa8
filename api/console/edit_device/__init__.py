"""A device is changed at a page: its address, its driver and what the driver is told, its name, room and people."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from starlette.responses import Response

from api.access import AddsDevices, Asker
from api.console.add_device.entered import Entered, check, of_device, of_form
from api.console.add_device.shown import form_values
from api.console.page import Page
from api.problems import not_found
from shouwang import drivers
from shouwang.ledger import views
from shouwang.ledger.adding import change_device

router = APIRouter()

Name = Annotated[str, InPath(max_length=64)]
_ADDRESS = "/centres/{centre}/devices/{device}/edit"


@router.get(_ADDRESS)
def form(request: Request, asker: AddsDevices, centre: Name, device: Name) -> Response:
    """The form, as the device is; the query may name another driver, to see what that one is told."""
    page = Page(request, asker)
    entered = of_device(_found(page, asker, centre, device))
    driver = request.query_params.get("driver")
    if driver is not None and driver != entered.driver:
        entered = of_form({**request.query_params, "centre": centre, "device": device, "kind": entered.kind})
    return _form(page, asker, entered, {})


@router.post(_ADDRESS)
async def change(request: Request, asker: AddsDevices, centre: Name, device: Name) -> Response:
    """Takes the change; what is wrong is said beside each field."""
    said = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    page = Page(request, asker)
    return await asyncio.to_thread(_change, page, asker, said | {"centre": centre, "device": device})


def _change(page: Page, asker: Asker, said: dict[str, str]) -> Response:
    found = _found(page, asker, said["centre"], said["device"])
    entered = of_form(said | {"kind": found["kind"], "household": ""})
    checked = check(entered, page.house.kinds.declared)
    if checked.row is None:
        return _form(page, asker, entered, checked.wrong, status=422)
    if entered.driver_of(page.house.kinds.declared) not in drivers.load():
        checked.row.settings = None  # of a driver that this version does not know: they stay as they are
    with page.house.writing() as connection:
        if not change_device(connection, checked.row, page.now_ms):
            raise not_found(f"device {said['device']!r} of centre {said['centre']!r}")
    return page.back(f"/centres/{said['centre']}/devices/{said['device']}")


def _form(page: Page, asker: Asker, entered: Entered, wrong: dict[str, str], *, status: int = 200) -> Response:
    device = _found(page, asker, entered.centre, entered.device)
    values = form_values(page, entered, wrong) | {"device": device}
    return page.show("edit_device/form.html", "centres", status=status, **values)


def _found(page: Page, asker: Asker, centre: str, device: str) -> dict[str, object]:
    with page.house.reading() as connection:
        found = views.device(connection, asker.scope, page.house.kinds, page.now_ms, centre, device)
    if found is None:
        raise not_found(f"device {device!r} of centre {centre!r}")
    return found
