"""Agents over the whole fleet: which version each runs, since when, and how it is to its outbox, clock and uplink."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Sees
from api.console import listing
from api.console.figures import Figure
from api.console.listing import LISTED, Cursor, Text
from api.console.page import Page
from shouwang.clock import rfc3339
from shouwang.ledger import views
from shouwang.readings.store import StoreUnavailable

router = APIRouter()

SITE = "site"
_OF_ITSELF = ("uplink_rtt_ms", "uplink_loss_percent", "outbox_pending", "clock_offset_ms")
"""What a site's reading says of the agent that took it."""


@router.get("/agents")
def listed(
    request: Request,
    asker: Sees,
    version: Text = "",
    condition: Text = "",
    township: Text = "",
    q: Text = "",
    cursor: Cursor = None,
) -> Response:
    """A page of agents, and how many run which version."""
    page = Page(request, asker)
    condition = listing.of(views.PATH_STATES, condition)
    chosen = {"version": version, "condition": condition, "township": township, "q": q}
    with page.house.reading() as connection:
        found = views.agents(connection, asker.scope, limit=LISTED, cursor=cursor, **listing.chosen(chosen))
    sites = [(each["path"], each["site"]) for each in found["items"] if each["site"]]
    return listing.show(
        page, "agents/list.html", "centres", chosen, views.PATH_STATES, found=found, said=of_itself(page, sites)
    )


def of_itself(page: Page, sites: Iterable[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """By centre what its newest `site` reading says of the agent: `at` (RFC 3339) and `figures` by name. Empty while
    the store of readings is away."""
    try:
        newest = page.house.store.latest([(centre, device, SITE) for centre, device in sites])
    except StoreUnavailable:
        return {}
    return {
        centre: {"at": rfc3339(point.taken_at_ms), "figures": _figures(page, point.fields)}
        for (centre, _), point in newest.items()
    }


def _figures(page: Page, fields: Mapping[str, Any]) -> dict[str, Figure]:
    said = {name: value for name, value in fields.items() if name in _OF_ITSELF and value is not None}
    return {each.name: each for each in page.figures(SITE, said)}
