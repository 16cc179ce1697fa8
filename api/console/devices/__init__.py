"""Devices by kind, condition and township, and the terminals that nobody watches: where the counters lead."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Sees
from api.console import listing
from api.console.listing import LISTED, Cursor, Text
from api.console.page import Page
from shouwang.ledger import views

router = APIRouter()

UNWATCHED_MAX = 500
"""Of each kind and condition."""
_UNWATCHED = ("silent", "down", "unknown")


@router.get("/devices")
def listed(
    request: Request,
    asker: Sees,
    kind: Text = "",
    condition: Text = "",
    township: Text = "",
    q: Text = "",
    cursor: Cursor = None,
) -> Response:
    """A page of devices. A condition or kind that is none filters nothing."""
    page = Page(request, asker)
    house = page.house
    chosen = {
        "kind": listing.of(house.kinds, kind),
        "condition": listing.of(views.DEVICE_CONDITIONS, condition),
        "township": township,
        "q": q,
    }
    with house.reading() as connection:
        found = views.devices(
            connection, asker.scope, house.kinds, page.now_ms, limit=LISTED, cursor=cursor, **listing.chosen(chosen)
        )
    reason = page.reasons_with(request.app.state.last_good.of(house.store, found["items"]))
    return listing.show(
        page,
        "devices/page.html",
        "centres",
        chosen,
        views.DEVICE_CONDITIONS,
        found=found,
        kinds=page.kind_labels(),
        reason=reason,
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
