"""A box becomes a centre's agent by a code that works once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import select
from starlette.responses import Response

from api.access import Open, refuse_stranger
from api.agent.bundles import told_to_boxes
from api.house import House, house_of
from api.problems import invalid
from api.rest.answers import answer
from shouwang.ledger import people
from shouwang.ledger.people import PeopleError
from shouwang.ledger.tables import Centre, Feed
from shouwang.log import get_logger

log = get_logger("api.agent")
router = APIRouter()


class FromBox(Open):
    """No page makes this request, and no browser's session counts for it."""

    def __call__(self, request: Request) -> None:
        return None


_WithCode = Annotated[None, Depends(FromBox("the code in it is what lets a box in"))]


class Enrolment(BaseModel):
    """`code` as it was printed; `password` is made by the box, and never leaves it but here."""

    code: Annotated[str, Field(max_length=64)]
    password: Annotated[str, Field(max_length=128)]


@router.post("/enrol", summary="Become a centre's agent")
def enrol(request: Request, _box: _WithCode, body: Enrolment) -> Response:
    """Gives what the agent needs: centre, region, broker, the authorities and the key of bundles that it trusts."""
    house = house_of(request)
    try:
        with house.writing() as connection:
            path = people.enrol(connection, body.code, body.password, house.now_ms)
    except PeopleError as error:
        raise invalid("body", str(error)) from error
    if path is None:
        refuse_stranger(
            request, "Code", "this code is used, has ended, or was mistyped; `shouwang enrol` makes another"
        )
    log.info("enrolled", path=path, client=request.client.host if request.client else "")
    return answer(
        {
            "centre": path,
            "region": _region(house, path),
            "broker": house.for_agents.broker_url,
            "ca": house.for_agents.authorities,
            "bundle_key": told_to_boxes(house.for_agents.bundles),
        }
    )


def _region(house: House, path: str) -> str:
    with house.reading() as connection:
        region = connection.scalar(select(Centre.region).where(Centre.centre == path))
        return str(region or connection.scalar(select(Feed.region).where(Feed.feed == path)) or "")
