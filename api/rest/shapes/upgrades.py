"""Upgrades of agents, and codes by which boxes become agents."""

from __future__ import annotations

from pydantic import Field

from api.rest import examples
from api.rest.shapes.base import At, Body, Shape, shown


class BundleItem(Shape):
    """A bundle that agents can be offered. `size` in bytes."""

    sha256: str
    version: str
    architecture: str
    size: int
    added_at: At


class Failure(Shape):
    """An agent that gave its bundle up and went back, and why."""

    path: str
    at: At
    reason: str


class RolloutItem(Shape):
    """A version offered to `paths` and to `percent` of all agents. `ended_as`: replaced, by_hand or rolled_back (then
    `ended_by` is the agent that went back)."""

    model_config = shown(examples.ROLLOUT)
    id: int
    version: str
    percent: int
    paths: list[str]
    who: str
    began_at: At
    ended_at: At
    ended_as: str
    ended_by: str
    offered: int = Field(description="Agents that were told of it: `done`, `failed` and `pending` together.")
    done: int
    failed: int
    pending: int
    failures: list[Failure]


class Reach(Shape):
    """Agents that are known, and those among them that ask for upgrades."""

    agents: int
    asking: int


class UpgradesWhole(Shape):
    """The newest rollouts and what can be offered."""

    reach: Reach
    bundles: list[BundleItem]
    rollouts: list[RolloutItem]


class Stage(Body):
    """To whom: agents by name, and per cent of all."""

    percent: int = Field(0, ge=0, le=100)
    paths: list[str] = Field([], max_length=2_000)


class NewRollout(Stage):
    model_config = shown({"version": "1.1.0", "percent": 5, "paths": ["150525100201"]})
    version: str = Field(max_length=64)


class Code(Shape):
    """A code by which a box becomes the agent of `path`, once; `command` is what is typed on the box."""

    path: str
    code: str
    expires_at: At
    command: str
