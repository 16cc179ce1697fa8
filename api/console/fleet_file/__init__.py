"""The whole fleet as a file, at a page: given out, and taken in after a look at what it would change, or at every
error in it at once. What was looked at is what is taken in: the file itself, against the same fleet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from starlette.responses import Response

from api.access import Asker, KeepsFleet
from api.console.fleet_file.waiting import WaitingFiles
from api.console.page import Page
from shouwang import fleet as files
from shouwang.fleet.in_chinese import in_chinese
from shouwang.fleet.row import FleetError
from shouwang.ledger import fleet

router = APIRouter()

ERRORS_SHOWN = 200
_NAME_CHARS = 80

Text = Annotated[str, Form(max_length=64)]


@dataclass(slots=True)
class Shown:
    """What a page says of a file. `diff` None: it cannot be taken in, and `errors` say why. `removals`: it leaves out
    much of the fleet, which is to be confirmed."""

    name: str = ""
    ticket: str = ""
    diff: fleet.FleetDiff | None = None
    done: bool = False
    errors: list[dict[str, str]] = field(default_factory=list)
    errors_total: int = 0
    removals: str = ""
    problem: str = ""

    @property
    def status(self) -> int:
        return 422 if self.errors or self.problem else 200


@router.get("/fleet-file")
def page(request: Request, asker: KeepsFleet) -> Response:
    """The fleet to download, and a form for one to take in."""
    return _show(Page(request, asker), Shown())


@router.post("/fleet-file")
async def look(request: Request, asker: KeepsFleet, file: UploadFile | None = None) -> Response:
    """Says what an uploaded file would change, or everything that is wrong with it. Nothing is changed."""
    made = Page(request, asker)
    body = b"" if file is None else await file.read()
    if file is None or not body:
        return _show(made, Shown(problem=made.text("Choose a file first.")))
    name = _printable(file.filename or "fleet")
    return await asyncio.to_thread(lambda: _show(made, _looked(made, asker, name, body)))


@router.post("/fleet-file/apply")
def apply(request: Request, asker: KeepsFleet, ticket: Text = "", removals: Text = "") -> Response:
    """Takes in the file that was looked at, all of it or nothing. Where the fleet has changed meanwhile, or the file
    leaves much of it out and that was not confirmed, it is shown anew instead."""
    made = Page(request, asker)
    kept = _waiting(request).take(ticket, asker.name, made.house.clock.now().mono_s)
    if kept is None:
        return _show(made, Shown(problem=made.text("That file is no longer held here: choose it once more.")))
    shown = _looked(made, asker, kept.name, kept.body)
    if shown.diff is None or shown.diff.revision != kept.revision:
        if shown.diff is not None:
            shown.problem = made.text("The fleet has changed meanwhile: look once more at what the file does now.")
        return _show(made, shown)
    if shown.removals and removals != "yes":
        return _show(made, shown)
    parsed = files.parse(kept.body, made.house.kinds.declared, name=kept.name)
    shown.diff = fleet.import_fleet(made.house.engine, parsed.rows, made.house.now_ms, allow_removals=True)
    shown.done, shown.ticket, shown.removals = True, "", ""
    return _show(made, shown)


def _looked(page: Page, asker: Asker, name: str, body: bytes) -> Shown:
    parsed = files.parse(body, page.house.kinds.declared, name=name)
    shown = Shown(name)
    if parsed.errors:
        shown.errors = [_error(page, error) for error in parsed.errors[:ERRORS_SHOWN]]
        shown.errors_total = len(parsed.errors) + parsed.more_errors
        return shown
    house = page.house
    try:
        shown.diff = fleet.import_fleet(house.engine, parsed.rows, house.now_ms, dry_run=True)
    except fleet.TooManyRemovals as error:
        said = page.text(
            "The file leaves out %(retired)s of %(of)s devices. They would be retired; their history stays."
        )
        shown.removals = said % {"retired": error.retired, "of": error.of}
        shown.diff = fleet.import_fleet(house.engine, parsed.rows, house.now_ms, dry_run=True, allow_removals=True)
    if not shown.diff.is_empty:
        now_s = house.clock.now().mono_s
        shown.ticket = _waiting(page.request).keep(asker.name, name, body, shown.diff.revision, now_s)
    return shown


def _error(page: Page, error: FleetError) -> dict[str, str]:
    counted = {"line": page.text("line %(n)s"), "row": page.text("row %(n)s"), "entry": page.text("entry %(n)s")}
    where = counted.get(error.word, "%(n)s") % {"n": error.line} if error.line else page.text("the file")
    said = in_chinese(error.message) if page.language.code == "zh" else error.message
    return {"where": where, "column": error.column, "what": said}


def _waiting(request: Request) -> WaitingFiles:
    held: WaitingFiles = request.app.state.fleet_files
    return held


def _show(page: Page, shown: Shown) -> Response:
    changed: list[tuple[str, list[Any]]] = []
    if shown.diff is not None:
        named = [f"{name}: {', '.join(columns)}" for name, columns in shown.diff.names_changed.items()]
        changed = [
            (page.text("Added"), shown.diff.names_added),
            (page.text("Changed"), named),
            (page.text("Retired"), shown.diff.names_retired),
        ]
    return page.show("fleet_file/page.html", "centres", status=shown.status, shown=shown, changed=changed, private=True)


def _printable(name: str) -> str:
    return "".join(character for character in name if character.isprintable())[-_NAME_CHARS:]
