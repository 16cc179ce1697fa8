"""Maintenance windows: in one tap from a device or centre, or planned here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import Response

from api.access import Asker, Maintains, Sees
from api.console import words
from api.console.page import Page
from api.console.when import HOUR_MS
from api.problems import not_found
from shouwang.clock import SHANGHAI
from shouwang.ledger import views, windows
from shouwang.ledger.windows import WindowError

router = APIRouter()

HOURS_MAX = 24 * 31
Text = Annotated[str, Form(max_length=200)]


@router.get("/maintenance")
def page(
    request: Request,
    asker: Sees,
    centre: Annotated[str, Query(max_length=32)] = "",
    device: Annotated[str, Query(max_length=32)] = "",
    cursor: Annotated[str | None, Query(max_length=600)] = None,
) -> Response:
    """Windows that hold or are to come, and a form for a new one."""
    return _show(Page(request, asker), asker, cursor=cursor, filled={"centre": centre, "device": device})


@router.post("/maintenance")
def begin(
    request: Request,
    asker: Maintains,
    township: Text = "",
    centre: Text = "",
    device: Text = "",
    kind: Text = "",
    from_at: Text = "",
    hours: Annotated[int, Form(ge=1, le=HOURS_MAX)] = 2,
    reason: Text = "",
    back: Annotated[str, Form(max_length=500)] = "/maintenance",
) -> Response:
    """A window from now or from `from_at` (as a browser gives local time; read as Shanghai's), for so many hours."""
    page = Page(request, asker)
    filled = {"centre": centre, "device": device}
    try:
        from_ms = _local_ms(from_at) if from_at else page.now_ms
    except ValueError:
        return _show(page, asker, filled=filled, problem=page.text("The beginning is no date and time."), status=422)
    try:
        with page.house.writing() as connection:
            windows.begin(
                connection,
                asker.scope,
                asker.name,
                page.now_ms,
                from_ms,
                from_ms + hours * HOUR_MS,
                township=township,
                centre=centre,
                device=device,
                kind=kind,
                reason=reason.strip(),
            )
    except WindowError as error:
        return _show(page, asker, filled=filled, problem=str(error), status=422)
    return page.back(back)


@router.post("/maintenance/{window_id}/end")
def end(
    request: Request, asker: Maintains, window_id: int, back: Annotated[str, Form(max_length=500)] = "/maintenance"
) -> Response:
    """Ends a window now."""
    page = Page(request, asker)
    with page.house.writing() as connection:
        ended = windows.end(connection, asker.scope, window_id, page.now_ms)
    if ended is None:
        raise not_found(f"maintenance window {window_id}")
    return page.back(back)


def _show(
    page: Page,
    asker: Asker,
    *,
    cursor: str | None = None,
    filled: dict[str, str],
    problem: str = "",
    status: int = 200,
) -> Response:
    with page.house.reading() as connection:
        found = views.maintenance(connection, asker.scope, page.now_ms, cursor=cursor)
        townships = views.townships(connection, asker.scope)
        centres = {each["centre"] for each in found["items"] if each["centre"]}
        names = {code: views.centre(connection, asker.scope, page.now_ms, code) for code in sorted(centres)}
    township_names = {each["township"]: each["name"] for each in townships}

    def scope_of(window: dict[str, Any]) -> str:
        centre = names.get(window["centre"]) or {}
        parts = [
            township_names.get(window["township"], window["township"]),
            centre.get("name") or window["centre"],
            window["device"],
            words.kind_label(page.language, page.house.kinds, window["kind"]),
        ]
        return " · ".join(part for part in parts if part) or page.text("everything")

    return page.show(
        "maintenance/page.html",
        "maintenance",
        status=status,
        windows=found,
        townships=townships,
        kinds=page.kind_labels(),
        scope_of=scope_of,
        filled=filled,
        problem=problem,
    )


def _local_ms(text: str) -> int:
    """Epoch milliseconds of `2026-11-24T14:00`, Shanghai's. Raises ValueError."""
    return round(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)
