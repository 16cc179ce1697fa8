"""Availability: how long devices were in each condition, by township, kind, centre, device or net."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Sees
from api.problems import invalid
from api.rest import shapes
from api.rest.answers import Codes, Cursor, Instant, Limit, answer, instant_ms
from shouwang.clock import rfc3339
from shouwang.ledger.availability import Availability, By, availability
from shouwang.ledger.views.paging import LIMIT_MAX, decode_cursor, page

DAY_MS = 86_400_000
SPAN_DEFAULT_MS = 30 * DAY_MS
SPAN_MAX_MS = 400 * DAY_MS

router = APIRouter(tags=["overview"])


@router.get("/availability", response_model=shapes.AvailabilityReport, summary="Seconds and percent in each condition")
def report(
    asker: Sees,
    by: Annotated[By, Query(description="What a line is about.")],
    from_: Annotated[Instant, Query(alias="from")] = None,
    to: Instant = None,
    township: Codes = None,
    centre: Codes = None,
    kind: Codes = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """Of effective conditions, corrected by what was learnt later; time in a maintenance window counts as such, time
    before a device was first heard not at all. `to` left out is now, `from` thirty days before `to`."""
    now_ms = asker.house.now_ms
    to_ms = instant_ms(to, "query.to")
    to_ms = now_ms if to_ms is None else to_ms
    from_ms = instant_ms(from_, "query.from")
    from_ms = max(0, to_ms - SPAN_DEFAULT_MS) if from_ms is None else from_ms
    if from_ms >= to_ms:
        raise invalid("query.from", "it must lie before `to`")
    if to_ms - from_ms > SPAN_MAX_MS:
        raise invalid("query.from", f"at most {SPAN_MAX_MS // DAY_MS} days are counted at once")
    after = decode_cursor(cursor, str)[0] if cursor else ""
    with asker.house.reading() as connection:
        lines = availability(
            connection,
            asker.house.kinds.declared,
            by,
            from_ms,
            to_ms,
            now_ms,
            scope=asker.scope,
            township=township or "",
            centre=centre or "",
            kind=kind or "",
        )
    some = [line for line in lines if not cursor or line.key > after][: limit + 1]
    head = {"by": by.value, "from": rfc3339(from_ms), "to": rfc3339(min(to_ms, now_ms))}
    return answer(head | page([line_dict(line) for line in some], [(line.key,) for line in some], limit))


def line_dict(line: Availability) -> dict[str, Any]:
    """A line as REST gives it: seconds to the millisecond, percent to three places."""
    return {
        "key": line.key,
        "name": line.name,
        "devices": line.devices,
        "seconds": {condition: round(value, 3) for condition, value in line.seconds.items()},
        "percent": {condition: round(value, 3) for condition, value in line.percent.items()},
    }
