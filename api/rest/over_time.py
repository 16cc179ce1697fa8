"""What was when, and counts by place: flat rows, as a panel of Grafana or a table takes them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Asker, Sees
from api.problems import invalid
from api.rest import shapes
from api.rest.answers import Code, Codes, Instant, Limit, answer, instant_ms
from shouwang.ledger import over_time
from shouwang.ledger.views import LIMIT_MAX
from shouwang.ledger.views.counts import CountedBy, counts

DAY_MS = 86_400_000
SPAN_MAX_MS = 400 * DAY_MS

router = APIRouter(tags=["overview"])
From = Annotated[Instant, Query(alias="from")]


@router.get("/house", response_model=shapes.HouseFacts, summary="Where our own pages are")
def house(asker: Sees) -> Response:
    """For links from other programs: the console as people reach it."""
    return answer({"public_url": asker.house.public_url})


@router.get("/counts", response_model=shapes.Page[shapes.CountsLine], summary="Devices by condition, a line a place")
def counted(
    asker: Sees,
    by: Annotated[CountedBy, Query(description="What a line is about.")],
    township: Codes = None,
    kind: Code = None,
    limit: Limit = LIMIT_MAX,
) -> Response:
    """As they are now. Places without devices are left out."""
    house = asker.house
    with house.reading() as connection:
        lines = counts(connection, asker.scope, house.kinds, house.now_ms, by, township=township, kind=kind)
    return answer({"items": lines[:limit], "next_cursor": None})


@router.get(
    "/timeline/devices", response_model=shapes.Page[shapes.ConditionAt], summary="Conditions of devices over time"
)
def of_devices(
    asker: Sees,
    from_: From = None,
    to: Instant = None,
    township: Codes = None,
    centre: Codes = None,
    device: Codes = None,
    kind: Codes = None,
) -> Response:
    """Each change, oldest first, of at most 300 devices. `to` left out is now, `from` a day before `to`."""
    from_ms, to_ms = _span(asker, from_, to)
    with asker.house.reading() as connection:
        rows = over_time.conditions(
            connection,
            from_ms,
            to_ms,
            asker.house.now_ms,
            scope=asker.scope,
            township=township,
            centre=centre,
            device=device,
            kind=kind,
        )
    return answer({"items": rows, "next_cursor": None})


@router.get(
    "/timeline/incidents", response_model=shapes.Page[shapes.SeverityAt], summary="Gravest open incidents over time"
)
def of_incidents(asker: Sees, from_: From = None, to: Instant = None, township: Codes = None) -> Response:
    """By township: each change of the gravest severity that was open, oldest first."""
    from_ms, to_ms = _span(asker, from_, to)
    with asker.house.reading() as connection:
        rows = over_time.gravest(connection, from_ms, to_ms, asker.house.now_ms, scope=asker.scope, township=township)
    return answer({"items": rows, "next_cursor": None})


@router.get("/delays", response_model=shapes.Page[shapes.Delay], summary="How late the watch was")
def delays(asker: Sees, from_: From = None, to: Instant = None, limit: Limit = LIMIT_MAX) -> Response:
    """From a device's limit, or its failed probe, to when the watch had judged: the latest, oldest first."""
    from_ms, to_ms = _span(asker, from_, to)
    with asker.house.reading() as connection:
        rows = over_time.delays(connection, from_ms, to_ms, scope=asker.scope, limit=limit)
    return answer({"items": rows, "next_cursor": None})


def _span(asker: Asker, from_: str | None, to: str | None) -> tuple[int, int]:
    """Raises a 422 Problem."""
    to_ms = instant_ms(to, "query.to")
    to_ms = asker.house.now_ms if to_ms is None else to_ms
    from_ms = instant_ms(from_, "query.from")
    from_ms = max(0, to_ms - DAY_MS) if from_ms is None else from_ms
    if from_ms >= to_ms:
        raise invalid("query.from", "it must lie before `to`")
    if to_ms - from_ms > SPAN_MAX_MS:
        raise invalid("query.from", f"at most {SPAN_MAX_MS // DAY_MS} days are shown at once")
    return from_ms, to_ms
