"""What is out now: one line a cause, gravest first and longest first, with the counters of a wall screen."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.access import Asker, Sees
from api.console.last_good import LastGood
from api.console.page import WALL_COOKIE, Page
from shouwang.ledger import views

router = APIRouter()

SHOWN_MAX = 100


@router.get("/")
def home(request: Request, asker: Sees, wall: Annotated[str | None, Query(max_length=1)] = None) -> Response:
    """The page; `?wall=1` turns this browser into a wall screen, `?wall=0` back."""
    page = Page(request, asker)
    if wall is not None:
        answer = page.back("/")
        answer.set_cookie(WALL_COOKIE, "1" if wall == "1" else "0", max_age=10 * 365 * 86_400, samesite="lax")
        return answer
    return page.show("home/page.html", "home", **now_values(page, asker, request.app.state.last_good))


@router.get("/now")
def now(request: Request, asker: Sees) -> Response:
    """The part that the page renews when something changed."""
    page = Page(request, asker)
    return page.show("home/now.html", "home", **now_values(page, asker, request.app.state.last_good))


@router.get("/deaf")
def deaf(request: Request, asker: Sees) -> Response:
    """The banner that says whether the collector hears; on every page."""
    return Page(request, asker).show("layout/deaf.html")


def now_values(page: Page, asker: Asker, last_good: LastGood) -> dict[str, Any]:
    """Everything of the page that changes, from one snapshot of the ledger."""
    house = page.house
    with house.reading() as connection:
        counted = page.request.app.state.counter.count(connection, asker.scope, house.kinds, page.now_ms)
        found = views.incidents(connection, asker.scope, house.kinds, page.now_ms, open=True, limit=SHOWN_MAX)
    summary = counted.summary
    townships = [
        (code, counts | {"out": counts["down"] + counts["silent"] + counts["unknown"] - counts["not_connected"]})
        for code, counts in summary["townships"].items()
    ]
    return {
        "summary": summary,
        "incidents": found["items"],
        "more": found["next_cursor"],
        "feeds": counted.feeds,
        "townships": sorted(townships, key=lambda each: -each[1]["out"]),
        "unregistered": counted.unregistered,
        "reason": page.reasons_with(last_good.of(house.store, found["items"])),
    }
