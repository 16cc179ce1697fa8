"""Upgrades of agents: what is offered to whom, and how it goes; and codes for new boxes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.access import Enrols, Upgrades
from api.problems import invalid, not_found
from api.rest.answers import answer, found
from api.rest.shapes import upgrades as shapes
from shouwang.clock import rfc3339
from shouwang.ledger import people, upgrades, views
from shouwang.ledger.upgrades import UpgradeError

router = APIRouter(tags=["agents"])
Id = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/upgrades", response_model=shapes.UpgradesWhole, summary="Versions that are offered")
def whole(asker: Upgrades) -> Response:
    """The newest twenty rollouts, the bundles there are, and how many agents ask."""
    with asker.house.reading() as connection:
        return answer(
            {
                "reach": upgrades.reach(connection),
                "bundles": upgrades.bundles(connection),
                "rollouts": upgrades.rollouts(connection),
            }
        )


@router.post("/upgrades", response_model=shapes.RolloutItem, status_code=201, summary="Offer a version")
def begin(asker: Upgrades, body: shapes.NewRollout) -> Response:
    """To the agents named, and to so many per cent of all. What was offered before ends. The first agent that gives it
    up and goes back ends it for all who have not yet begun."""
    with asker.house.writing() as connection:
        try:
            id_ = upgrades.begin(connection, body.version, body.percent, body.paths, asker.name, asker.house.now_ms)
        except UpgradeError as error:
            raise invalid(f"body.{error.where}", str(error)) from error
        return answer(upgrades.rollout(connection, id_), 201)


@router.post("/upgrades/{id}/widen", response_model=shapes.RolloutItem, summary="Offer it to more agents")
def widen(asker: Upgrades, id: Id, body: shapes.Stage) -> Response:  # noqa: A002
    """Who was reached stays reached."""
    with asker.house.writing() as connection:
        try:
            done = upgrades.widen(connection, id, body.percent, body.paths)
        except UpgradeError as error:
            raise invalid(f"body.{error.where}", str(error)) from error
        if not done:
            raise not_found(f"rollout {id} that goes on")
        return answer(upgrades.rollout(connection, id))


@router.post("/upgrades/{id}/end", response_model=shapes.RolloutItem, summary="Offer it to nobody more")
def end(asker: Upgrades, id: Id) -> Response:  # noqa: A002
    """Agents that have it keep it; one that has ended stays as it is."""
    with asker.house.writing() as connection:
        upgrades.end(connection, id, asker.name, asker.house.now_ms)
        return answer(found(upgrades.rollout(connection, id), f"rollout {id}"))


@router.post("/centres/{centre}/enrol", response_model=shapes.Code, status_code=201, summary="A code for a new box")
def enrol(asker: Enrols, centre: Annotated[str, Path(max_length=32)]) -> Response:
    """It works once, within a day; one given before ends."""
    house = asker.house
    with house.writing() as connection:
        if views.centre(connection, asker.scope, house.now_ms, centre) is None:
            raise not_found(f"centre {centre!r}")
        code = people.new_enrolment(connection, centre, house.now_ms)
    expires_ms = house.now_ms + people.ENROLMENT_LIFE_S * 1000
    command = f"sudo python3 shouwang-agent.pyz install --server {house.public_url} --code {code}"
    return answer({"path": centre, "code": code, "expires_at": rfc3339(expires_ms), "command": command}, 201)
