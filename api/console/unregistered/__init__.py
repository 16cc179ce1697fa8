"""What is not in watch, apart from what is broken: devices that nobody registered, devices that were never heard."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Sees
from api.console.page import Page
from shouwang.ledger import views

router = APIRouter()

LISTED = 100
ASIDES_SHOWN = 50


@router.get("/unregistered")
def page(request: Request, asker: Sees, cursor: Annotated[str | None, Query(max_length=600)] = None) -> Response:
    """Three lists: unregistered, not yet connected, and what was set aside because it was wrong."""
    made = Page(request, asker)
    house = made.house
    with house.reading() as connection:
        unregistered = views.unregistered(connection, asker.scope, limit=LISTED, cursor=cursor)
        waiting = views.devices(
            connection, asker.scope, house.kinds, made.now_ms, condition="not_connected", limit=LISTED
        )
        asides = views.asides(connection, asker.scope, limit=ASIDES_SHOWN)
    return made.show(
        "unregistered/page.html",
        "unregistered",
        unregistered=unregistered,
        waiting=waiting,
        asides=[each for each in asides["items"] if each["reason"] not in views.UNREGISTERED],
    )
