"""Maintenance windows: conditions stay visible, notifications wait."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access import Maintains, Sees
from api.problems import invalid, not_found
from api.rest import shapes
from api.rest.answers import LIMIT, Cursor, Limit, answer, instant_ms
from shouwang.ledger import views, windows
from shouwang.ledger.windows import WindowError

ONE_TAP_MS = 2 * 3_600_000

router = APIRouter(tags=["maintenance"])


@router.get("/maintenance", response_model=shapes.Page[shapes.Window], summary="Windows")
def maintenance(
    asker: Sees,
    past: Annotated[bool, Query(description="Also those that are over.")] = False,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Windows that hold or are to come, the latest beginning first."""
    with asker.house.reading() as connection:
        return answer(
            views.maintenance(connection, asker.scope, asker.house.now_ms, past=past, limit=limit, cursor=cursor)
        )


@router.post("/maintenance", response_model=shapes.Window, status_code=201, summary="Begin or plan one")
def begin(asker: Maintains, body: shapes.NewWindow) -> Response:
    """Over what each of the given `township`, `centre`, `device` and `kind` fit. `from` left out is now, `to` two hours
    later."""
    now_ms = asker.house.now_ms
    from_ms = instant_ms(body.from_, "body.from")
    from_ms = now_ms if from_ms is None else from_ms
    to_ms = instant_ms(body.to, "body.to")
    to_ms = from_ms + ONE_TAP_MS if to_ms is None else to_ms
    with asker.house.writing() as connection:
        try:
            id_ = windows.begin(
                connection,
                asker.scope,
                asker.name,
                now_ms,
                from_ms,
                to_ms,
                township=body.township,
                centre=body.centre,
                device=body.device,
                kind=body.kind,
                reason=body.reason.strip(),
            )
        except WindowError as error:
            raise invalid(f"body.{error.where}", str(error)) from error
        made = windows.window(connection, asker.scope, id_)
    return answer(made, 201, {"Location": f"/api/v1/maintenance/{id_}"})


@router.delete("/maintenance/{id}", response_model=shapes.Window, summary="End one")
def end(asker: Maintains, id: Annotated[int, Path(ge=1, le=2**53)]) -> Response:  # noqa: A002
    """It ends now; one that has ended already stays as it is."""
    with asker.house.writing() as connection:
        ended = windows.end(connection, asker.scope, id, asker.house.now_ms)
    if ended is None:
        raise not_found(f"maintenance window {id}")
    return answer(ended)
