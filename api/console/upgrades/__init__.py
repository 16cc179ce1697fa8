"""Upgrades of agents from the console: a version to some first, then to more; and a code for a new box."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import Response

from api.access import Asker, Upgrades
from api.console.page import Page
from api.problems import not_found
from shouwang.ledger import people, upgrades
from shouwang.ledger.people import PeopleError
from shouwang.ledger.upgrades import UpgradeError

router = APIRouter()

STAGES = [1, 5, 25, 50, 100]
"""Per cent that a page offers; REST takes any."""
Text = Annotated[str, Form(max_length=100)]
Names = Annotated[str, Form(max_length=64_000)]
Percent = Annotated[int, Form(ge=0, le=100)]
Id = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/upgrades")
def page(request: Request, asker: Upgrades) -> Response:
    """What is offered and how it goes, what could be, and how a new box is installed."""
    return _show(Page(request, asker), asker)


@router.post("/upgrades")
def begin(request: Request, asker: Upgrades, version: Text = "", percent: Percent = 0, paths: Names = "") -> Response:
    """Offers a version; what was offered before ends."""
    made = Page(request, asker)
    try:
        with made.house.writing() as connection:
            upgrades.begin(connection, version, percent, names(paths), asker.name, made.now_ms)
    except UpgradeError as error:
        return _show(made, asker, problem=str(error), status=422)
    return made.back("/upgrades")


@router.post("/upgrades/{rollout_id}/widen")
def widen(request: Request, asker: Upgrades, rollout_id: Id, percent: Percent, paths: Names = "") -> Response:
    """Offers it to more agents."""
    made = Page(request, asker)
    try:
        with made.house.writing() as connection:
            done = upgrades.widen(connection, rollout_id, percent, names(paths))
    except UpgradeError as error:
        return _show(made, asker, problem=str(error), status=422)
    if not done:
        raise not_found(f"rollout {rollout_id} that goes on")
    return made.back("/upgrades")


@router.post("/upgrades/{rollout_id}/end")
def end(request: Request, asker: Upgrades, rollout_id: Id) -> Response:
    """Offers it to nobody more."""
    made = Page(request, asker)
    with made.house.writing() as connection:
        upgrades.end(connection, rollout_id, asker.name, made.now_ms)
    return made.back("/upgrades")


@router.post("/upgrades/enrol")
def enrol(request: Request, asker: Upgrades, centre: Text = "") -> Response:
    """A code for a new box; it is shown once, and kept as a hash alone."""
    made = Page(request, asker)
    try:
        with made.house.writing() as connection:
            code = people.new_enrolment(connection, centre.strip(), made.now_ms)
    except PeopleError as error:
        return _show(made, asker, problem=str(error), status=422)
    command = f"sudo python3 shouwang-agent.pyz install --server {made.house.public_url} --code {code}"
    return _show(made, asker, enrolled={"centre": centre.strip(), "code": code, "command": command})


def names(text: str) -> list[str]:
    """Agents as people write them: with commas, blanks or lines between."""
    return [each for each in re.split(r"[\s,;，、；]+", text) if each]


def _show(page: Page, asker: Asker, *, problem: str = "", status: int = 200, **more: Any) -> Response:
    with page.house.reading() as connection:
        shown: dict[str, Any] = {
            "reach": upgrades.reach(connection),
            "bundles": upgrades.bundles(connection),
            "rollouts": upgrades.rollouts(connection),
        }
    versions = list(dict.fromkeys(each["version"] for each in shown["bundles"]))
    return page.show(
        "upgrades/page.html",
        "centres",
        status=status,
        problem=problem,
        versions=versions,
        stages=STAGES,
        hours=people.ENROLMENT_LIFE_S // 3600,
        **({"enrolled": None} | shown | more),
    )
