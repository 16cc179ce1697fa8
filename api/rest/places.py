"""Summary, centres, and what was set aside."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Sees
from api.rest import shapes
from api.rest.answers import LIMIT, Code, Codes, Cursor, Limit, Search, answer, found, one_of
from shouwang.ledger import views

router = APIRouter()


@router.get("/summary", response_model=shapes.Summary, tags=["overview"], summary="Counts, and whether we hear")
def summary(asker: Sees, township: Codes = None) -> Response:
    """Devices by condition, kind and township; centres and feeds heard; open incidents by severity; `deaf`."""
    house = asker.house
    with house.reading() as connection:
        return answer(views.summary(connection, asker.scope.within(township), house.kinds, house.now_ms))


@router.get("/centres", response_model=shapes.Page[shapes.Centre], tags=["fleet"], summary="Centres")
def centres(
    asker: Sees,
    township: Code = None,
    condition: Annotated[str | None, Query(description=f"One of {', '.join(views.CENTRE_CONDITIONS)}.")] = None,
    q: Search = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """By code. `condition` is the state of the agent, or a condition that one of the centre's devices has."""
    one_of(condition, views.CENTRE_CONDITIONS, "query.condition")
    with asker.house.reading() as connection:
        return answer(
            views.centres(
                connection,
                asker.scope,
                asker.house.now_ms,
                township=township,
                condition=condition,
                q=q,
                limit=limit,
                cursor=cursor,
            )
        )


@router.get("/centres/{centre}", response_model=shapes.Centre, tags=["fleet"], summary="One centre")
def centre(asker: Sees, centre: str) -> Response:
    """Whether its agent is heard, and how its devices are; the devices themselves: `/devices?centre=`."""
    with asker.house.reading() as connection:
        return answer(
            found(views.centre(connection, asker.scope, asker.house.now_ms, centre), f"centre {centre[:64]!r}")
        )


@router.get("/feeds", response_model=shapes.Feeds, tags=["fleet"], summary="Feeds")
def feeds(asker: Sees) -> Response:
    """Agents that speak for devices of many centres."""
    with asker.house.reading() as connection:
        return answer({"items": views.feeds(connection), "next_cursor": None})


@router.get("/asides", response_model=shapes.Page[shapes.AsideCounted], tags=["overview"], summary="What was set aside")
def asides(
    asker: Sees,
    unregistered: Annotated[bool, Query(description="Only devices and kinds that the fleet does not have.")] = False,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Unknown devices and kinds, wrong values, unreadable messages: counted, the latest first, with a sample."""
    reasons = views.UNREGISTERED if unregistered else ()
    with asker.house.reading() as connection:
        return answer(views.asides(connection, asker.scope, reasons=reasons, limit=limit, cursor=cursor))
