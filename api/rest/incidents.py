"""Incidents: what is out, since when, and who is on it; acknowledge, note, close."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access import Asker, Handles, Sees
from api.problems import Problem, invalid
from api.rest import shapes
from api.rest.answers import LIMIT, Code, Codes, Cursor, Limit, answer, found, one_of
from api.rest.waiting import DEED_WITHIN_S, ask_collector
from shouwang.ledger import deeds, views
from shouwang.vocabulary import Cause, Severity

LATER = "recorded; it takes effect when the collector is back"

router = APIRouter(tags=["incidents"])
Id = Annotated[str, Path(max_length=36)]
_SAID: dict[int | str, dict[str, Any]] = {
    202: {"model": shapes.Later, "description": "Recorded; it takes effect when the collector is back."},
    409: {"description": "The collector says why it cannot be done, as when the incident is closed."},
}


@router.get("/incidents", response_model=shapes.Page[shapes.Incident], summary="Incidents")
def incidents(
    asker: Sees,
    open: Annotated[bool | None, Query(description="true: gravest, then longest first.")] = None,  # noqa: A002
    severity: Code = None,
    cause: Code = None,
    township: Codes = None,
    centre: Codes = None,
    device: Codes = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Response:
    """Open ones gravest, then longest first; else the latest first. `members` stand whole in the incident itself."""
    one_of(severity, tuple(Severity), "query.severity")
    one_of(cause, tuple(Cause), "query.cause")
    house = asker.house
    with house.reading() as connection:
        return answer(
            views.incidents(
                connection,
                asker.scope,
                house.kinds,
                house.now_ms,
                open=open,
                severity=severity,
                cause=cause,
                township=township,
                centre=centre,
                device=device,
                limit=limit,
                cursor=cursor,
            )
        )


@router.get("/incidents/{id}", response_model=shapes.IncidentWhole, summary="One incident")
def incident(asker: Sees, id: Id) -> Response:  # noqa: A002
    """With its members, its timeline, and every try to tell people."""
    return answer(incident_of(asker, id))


@router.post("/incidents/{id}/acknowledge", response_model=shapes.IncidentWhole, responses=_SAID, summary="Take it on")
async def acknowledge(asker: Handles, id: Id, body: shapes.Note | None = None) -> Response:  # noqa: A002
    """Who and when are kept. Acknowledged is not handled: the incident stays open."""
    return await do_deed(asker, id, deeds.ACKNOWLEDGE, body.note if body else "")


@router.post("/incidents/{id}/notes", response_model=shapes.IncidentWhole, responses=_SAID, summary="Add a note")
async def notes(asker: Handles, id: Id, body: shapes.Note) -> Response:  # noqa: A002
    """The note becomes a line of the timeline."""
    if not body.note.strip():
        raise invalid("body.note", "a note says something")
    return await do_deed(asker, id, deeds.NOTE, body.note)


@router.post("/incidents/{id}/close", response_model=shapes.IncidentWhole, responses=_SAID, summary="Close it by hand")
async def close(asker: Handles, id: Id, body: shapes.Note | None = None) -> Response:  # noqa: A002
    """It stays closed until the condition changes. A help call is closed with its outcome, so `note` must say it."""
    note = body.note if body else ""
    if not note.strip():
        whole = await asyncio.to_thread(incident_of, asker, id)
        if whole["cause"] == Cause.HELP_CALL:
            raise invalid("body.note", "a help call is closed with its outcome: say what was found and done")
    return await do_deed(asker, id, deeds.CLOSE, note)


def incident_of(asker: Asker, id_: str) -> dict[str, Any]:
    """The incident whole. Raises a 404 Problem."""
    house = asker.house
    with house.reading() as connection:
        return found(
            views.incident_view(connection, id_, asker.scope, house.kinds, house.now_ms), f"incident {id_[:40]!r}"
        )


async def do_deed(asker: Asker, id_: str, what: str, note: str) -> Response:
    """Asks the collector, and answers with the incident as it then is; 202 where the collector is away."""
    await asyncio.to_thread(incident_of, asker, id_)
    done = await ask_collector(asker, what, DEED_WITHIN_S, incident_id=id_, note=note.strip())
    if done is not None and not done.ok:
        raise Problem(409, "cannot-be-done", "It cannot be done", done.reason or "the collector gave no reason")
    whole = await asyncio.to_thread(incident_of, asker, id_)
    if done is None:
        return answer({"detail": LATER, "incident": whole}, 202)
    return answer(whole)
