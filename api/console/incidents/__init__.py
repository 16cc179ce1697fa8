"""Incidents: those that were, and one with its timeline, who is on it, who was told, and what can be done about it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.access import Asker, Handles, Probes, Sees
from api.console import listing, when, words
from api.console.device.probed import Probed, probed
from api.console.incidents.lines import line_text
from api.console.incidents.members import members
from api.console.listing import LISTED, Cursor, Text
from api.console.page import SEVERITIES, Page, SeesHouseholds
from api.console.reasons import why
from api.console.runbook.from_docs import sections
from api.problems import invalid, not_found
from api.rest.waiting import DEED_WITHIN_S, ask_collector
from shouwang.ledger import deeds, views
from shouwang.ledger.deeds import NOTE_CHARS_MAX, Done

router = APIRouter()

HOUSEHOLDS_SHOWN_MAX = 200
_CENTRES_LOOKED_AT_MAX = 50
_STATES = {"open": True, "closed": False, "all": None}

Note = Annotated[str, Form(max_length=NOTE_CHARS_MAX)]


@router.get("/incidents")
def listed(
    request: Request,
    asker: Sees,
    state: Text = "closed",
    severity: Text = "",
    township: Text = "",
    cursor: Cursor = None,
) -> Response:
    """Closed ones, the latest first; `state` open: gravest first, then longest."""
    page = Page(request, asker)
    house = page.house
    chosen = {"severity": listing.of(SEVERITIES, severity), "township": township}
    state = listing.of(_STATES, state, "closed")
    with house.reading() as connection:
        found = views.incidents(
            connection,
            asker.scope,
            house.kinds,
            page.now_ms,
            open=_STATES[state],
            limit=LISTED,
            cursor=cursor,
            **listing.chosen(chosen),
        )
    return listing.show(
        page,
        "incidents/list.html",
        "incidents",
        {"state": state, **chosen},
        found=found,
        severity_words=[(each, words.word(page.language, "severity", each)) for each in SEVERITIES],
        lasted=lambda incident: _lasted(page, incident),
        reason=page.reasons_with(request.app.state.last_good.of(house.store, found["items"])),
    )


@router.get("/incidents/{incident_id}")
def whole(request: Request, asker: Sees, incident_id: str) -> Response:
    """One incident."""
    page = Page(request, asker)
    return page.show("incidents/page.html", "incidents", **_values(page, asker, incident_id))


@router.get("/incidents/{incident_id}/now")
def now(request: Request, asker: Sees, incident_id: str) -> Response:
    """The part that the page renews when something changed."""
    page = Page(request, asker)
    return page.show("incidents/renewed.html", "incidents", **_values(page, asker, incident_id), renewed=True)


@router.post("/incidents/{incident_id}/acknowledge")
async def acknowledge(request: Request, asker: Handles, incident_id: str, note: Note = "") -> Response:
    """Somebody is on it."""
    return await _deed(request, asker, incident_id, deeds.ACKNOWLEDGE, note)


@router.post("/incidents/{incident_id}/notes")
async def add_note(request: Request, asker: Handles, incident_id: str, note: Note = "") -> Response:
    """Something to know about it."""
    if not note.strip():
        raise invalid("note", "a note says something")
    return await _deed(request, asker, incident_id, deeds.NOTE, note)


@router.post("/incidents/{incident_id}/close")
async def close(
    request: Request,
    asker: Handles,
    incident_id: str,
    outcome: Annotated[str, Form(max_length=64)] = "",
    note: Note = "",
) -> Response:
    """How it ended: a code of the list, words, or both (`code: words`)."""
    said = f"{outcome}: {note.strip()}" if outcome and note.strip() else outcome or note.strip()
    if not said:
        raise invalid("outcome", "say how it ended")
    return await _deed(request, asker, incident_id, deeds.CLOSE, said)


@router.post("/incidents/{incident_id}/probe")
async def probe(request: Request, asker: Probes, incident_id: str) -> Response:
    """Asks the incident's device now, through its agent."""
    page = Page(request, asker)
    incident = (await asyncio.to_thread(_values, page, asker, incident_id))["incident"]
    if not incident["device"] or not incident["kind"]:
        raise not_found(f"device of incident {incident_id!r}")
    said = await probed(page, asker, incident)
    return await asyncio.to_thread(_answer, page, asker, incident_id, said)


@router.post("/incidents/{incident_id}/households")
def households(request: Request, asker: SeesHouseholds, incident_id: str) -> Response:
    """Whose terminals nobody watches now. Each viewing is written down before it is shown."""
    page = Page(request, asker)
    values = _values(page, asker, incident_id)
    incident = values["incident"]
    asker.note_viewing(f"households of incident {incident_id}", incident["centre"], incident["device"])
    values |= {"households": _households(page, asker, incident), "cut": 0}
    if len(values["households"]) > HOUSEHOLDS_SHOWN_MAX:
        values |= {"households": values["households"][:HOUSEHOLDS_SHOWN_MAX], "cut": HOUSEHOLDS_SHOWN_MAX}
    return page.show("incidents/households.html" if page.is_part else "incidents/page.html", "incidents", **values)


async def _deed(request: Request, asker: Asker, incident_id: str, what: str, note: str) -> Response:
    page = Page(request, asker)
    await asyncio.to_thread(_values, page, asker, incident_id)  # it exists and is theirs to see
    done = await ask_collector(asker, what, DEED_WITHIN_S, incident_id=incident_id, note=note.strip())
    return await asyncio.to_thread(_answer, page, asker, incident_id, _said(page, done))


def _said(page: Page, done: Done | None) -> Probed | None:
    if done is None:
        text = page.text("The collector is not there now. It is written down, and takes effect when it is back.")
        return Probed("warn", page.text("Recorded"), text)
    if not done.ok:
        return Probed("bad", page.text("It could not be done"), why(page.language, done.answer))
    return None


def _answer(page: Page, asker: Asker, incident_id: str, said: Probed | None) -> Response:
    """The whole incident anew, with what came of the deed above it."""
    if not page.is_part and said is None:
        return page.back(f"/incidents/{incident_id}")
    values = _values(page, asker, incident_id) | {"said": said}
    return page.show("incidents/whole.html" if page.is_part else "incidents/page.html", "incidents", **values)


def _values(page: Page, asker: Asker, incident_id: str) -> dict[str, Any]:
    house = page.house
    with house.reading() as connection:
        incident = views.incident_view(connection, incident_id, asker.scope, house.kinds, page.now_ms)
    if incident is None:
        raise not_found(f"incident {incident_id!r}")
    return {
        "incident": incident,
        "members": members(page, asker, incident["members"]),
        "runbook": incident["cause"] in sections(page.language.code),
        "outcomes": list(words.WORDS["outcome"]),
        "said": None,
        "households": None,
        "lasted": lambda each: _lasted(page, each),
        "line_text": partial(line_text, page, incident),
        "reason": page.reasons_with(page.request.app.state.last_good.of(house.store, [incident])),
    }


def _lasted(page: Page, incident: dict[str, Any]) -> str:
    began, ended = when.instant_ms(incident["since"]), when.instant_ms(incident["closed_at"])
    return when.span((ended or page.now_ms) - (began or page.now_ms), page.language)


def _households(page: Page, asker: Asker, incident: dict[str, Any]) -> list[dict[str, Any]]:
    """The terminals that the incident leaves unwatched, with their households, where they can be named."""
    house = page.house
    with house.reading() as connection:

        def of_centre(centre: str) -> list[dict[str, Any]]:
            found = views.devices(
                connection, asker.scope, house.kinds, page.now_ms, centre=centre, limit=HOUSEHOLDS_SHOWN_MAX
            )
            return [each for each in found["items"] if each["is_terminal"] and each["connected"]]

        if incident["device"]:
            return [each for each in of_centre(incident["centre"]) if each["device"] == incident["device"]]
        named = set(incident["members"])
        centres = list(dict.fromkeys(name.partition("/")[0] for name in incident["members"])) or [incident["centre"]]
        listed = [each for centre in centres[:_CENTRES_LOOKED_AT_MAX] for each in of_centre(centre)]
    if any("/" in name for name in named):
        return [each for each in listed if f"{each['centre']}/{each['device']}" in named]
    return listed
