"""Centres and feeds."""

from __future__ import annotations

from pydantic import Field

from api.rest import examples
from api.rest.shapes.base import At, Page, Shape, shown
from api.rest.shapes.incidents import IncidentBrief
from api.rest.shapes.maintenance import Window
from api.rest.shapes.overview import Counts


class PathState(Shape):
    condition: str = Field(description="`online`, `offline` or `not_connected`.")
    since: At
    first_heard_at: At
    agent_version: str
    lost_rows: int = Field(description="Rows that the agent had to drop.")
    lost_readings: int
    incident: IncidentBrief | None


class Centre(PathState):
    model_config = shown(examples.CENTRE)
    centre: str
    name: str
    region: str
    township: str
    township_name: str
    type: str
    stage: str
    latitude: float | None
    longitude: float | None
    devices: Counts
    maintenance: Window | None


class Feed(PathState):
    feed: str
    region: str
    name: str
    devices: int


class Feeds(Page[Feed]):
    pass
