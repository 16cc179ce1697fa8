"""Which bundle an agent is offered, and the bundles themselves."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from api.access import AnAgent, Open
from api.agent.bundles import file_of
from api.house import house_of
from api.problems import not_found
from api.rest.answers import answer
from shouwang.bundles import ARCHITECTURES
from shouwang.ledger import upgrades
from shouwang.ledger.upgrades import Said
from shouwang.log import get_logger

log = get_logger("api.agent")
router = APIRouter()

ASK_AGAIN_S = 600.0
_Everybody = Annotated[None, Depends(Open("a new box is installed from it, and it holds nothing of the fleet"))]
_Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
_Text = Annotated[str, Field(max_length=64)]


class Outcome(BaseModel):
    """What became of a bundle that the agent tried; `reason` is empty where it stays."""

    sha256: _Sha256
    version: _Text = ""
    reason: Annotated[str, Field(max_length=300)] = ""


class Asked(BaseModel):
    """What an agent says of itself."""

    version: _Text
    architecture: Annotated[str, Field(max_length=16)]
    sha256: _Sha256 = ""
    outcome: Outcome | None = None


@router.post("/upgrade", summary="Ask for an upgrade")
def upgrade(request: Request, agent: AnAgent, body: Asked) -> Response:
    """When to ask again, and the signed manifest of what is offered, if anything is."""
    house = house_of(request)
    tried = body.outcome or Outcome(sha256="")
    said = Said(body.version, body.architecture, body.sha256, tried.sha256, tried.version, tried.reason)
    with house.writing() as connection:
        offer = upgrades.asked(connection, agent, said, house.now_ms)
    if tried.reason:
        log.warning("a bundle was given up", path=agent, version=tried.version, why=tried.reason)
    return answer({"ask_again_s": ASK_AGAIN_S, "offer": None if offer is None else msgspec.to_builtins(offer)})


@router.get("/bundles/{sha256}", summary="A bundle")
def bundle(request: Request, agent: AnAgent, sha256: str) -> Response:
    """The file of a bundle."""
    return _file(request, sha256)


@router.get("/install/shouwang-agent-{architecture}.pyz", summary="What a new box is installed from")
def newest(request: Request, _everybody: _Everybody, architecture: str) -> Response:
    """The bundle of that architecture that was taken in last."""
    house = house_of(request)
    if architecture not in ARCHITECTURES:
        raise not_found(f"architecture {architecture[:32]!r} (there are {', '.join(ARCHITECTURES)})")
    with house.reading() as connection:
        sha256 = upgrades.newest_bundle(connection, architecture)
    return _file(request, sha256 or "")


def _file(request: Request, sha256: str) -> Response:
    path = file_of(house_of(request).for_agents.bundles, sha256)
    if path is None:
        raise not_found("such a bundle here; `shouwang bundle add` takes one in")
    return FileResponse(path, media_type="application/zip")
