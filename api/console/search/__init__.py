"""One box: villages, devices, numbers, and (for those who may) households."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Sees
from api.console.page import Page
from shouwang.ledger import views

router = APIRouter()

CENTRES_SHOWN = 20
DEVICES_SHOWN = 50


@router.get("/search")
def search(request: Request, asker: Sees, q: Annotated[str, Query(max_length=80)] = "") -> Response:
    """What every word of `q` fits. A hit on the name of a household is written down as a viewing."""
    page = Page(request, asker)
    house = page.house
    q = q.strip()
    nothing: dict[str, Any] = {"items": [], "next_cursor": None}
    centres = devices = nothing
    if q:
        with house.reading() as connection:
            centres = views.centres(connection, asker.scope, page.now_ms, q=q, limit=CENTRES_SHOWN)
            devices = views.devices(connection, asker.scope, house.kinds, page.now_ms, q=q, limit=DEVICES_SHOWN)
    if _names_a_household(q, devices["items"]):
        asker.note_viewing("search by household")
    return page.show(
        "search/page.html",
        "search",
        private=True,
        q=q,
        centres=centres,
        devices=devices["items"],
        more_devices=bool(devices["next_cursor"]),
        reason=page.reasons_with(request.app.state.last_good.of(house.store, devices["items"])),
    )


def _names_a_household(q: str, devices: list[dict[str, Any]]) -> bool:
    words = q.lower().split()
    return any(word in str(device.get("household") or "").lower() for device in devices for word in words)
