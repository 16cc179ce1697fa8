"""Devices by kind, condition and township, and the terminals that nobody watches: where the counters lead."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Sees
from api.console.page import Page, address
from shouwang.ledger import views

router = APIRouter()

LISTED = 100
UNWATCHED_MAX = 500
"""Of each kind and condition."""
_UNWATCHED = ("silent", "down", "unknown")

Text = Annotated[str, Query(max_length=80)]


@router.get("/devices")
def listed(
    request: Request,
    asker: Sees,
    kind: Text = "",
    condition: Text = "",
    township: Text = "",
    q: Text = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """A page of devices. A condition or kind that is none filters nothing."""
    page = Page(request, asker)
    house = page.house
    condition = condition if condition in views.DEVICE_CONDITIONS else ""
    kind = kind if kind in house.kinds else ""
    with house.reading() as connection:
        found = views.devices(
            connection,
            asker.scope,
            house.kinds,
            page.now_ms,
            kind=kind or None,
            condition=condition or None,
            township=township or None,
            q=q or None,
            limit=LISTED,
            cursor=cursor,
        )
        townships = views.townships(connection, asker.scope)
    good = request.app.state.last_good.of(house.store, found["items"])
    return page.show(
        "devices/page.html",
        "centres",
        found=found,
        townships=townships,
        kinds=page.kind_labels(),
        conditions=views.DEVICE_CONDITIONS,
        filter={"kind": kind, "condition": condition, "township": township, "q": q},
        more_address=address("/devices", kind=kind, condition=condition, township=township, q=q),
        reason=page.reasons_with(good),
    )


@router.get("/unwatched")
def unwatched(request: Request, asker: Sees) -> Response:
    """Terminals on which elderly people depend and that are silent, down or not seen, the longest first. What was never
    connected is not among them."""
    page = Page(request, asker)
    house = page.house
    found: list[dict[str, Any]] = []
    cut = False
    with house.reading() as connection:
        for kind in (name for name, each in house.kinds.declared.items() if each.is_terminal):
            for condition in _UNWATCHED:
                devices = views.devices(
                    connection,
                    asker.scope,
                    house.kinds,
                    page.now_ms,
                    kind=kind,
                    condition=condition,
                    limit=UNWATCHED_MAX,
                )
                found += [each for each in devices["items"] if each["connected"]]
                cut = cut or bool(devices["next_cursor"])
    found.sort(key=lambda each: str(each["since"] or ""))
    good = request.app.state.last_good.of(house.store, found[:LISTED])
    return page.show(
        "devices/unwatched.html", "home", devices=found, cut=cut, total=len(found), reason=page.reasons_with(good)
    )
