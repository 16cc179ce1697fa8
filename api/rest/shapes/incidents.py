"""Incidents, their timeline, and what was told of them."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from api.rest import examples
from api.rest.shapes.base import At, Body, Shape, Words, shown
from api.rest.shapes.maintenance import Window


class Acknowledgement(Shape):
    who: str
    at: str


class IncidentBrief(Shape):
    model_config = shown(examples.INCIDENT_BRIEF)
    id: str
    cause: str
    severity: str
    since: str
    opened_at: str
    acknowledgement: Acknowledgement | None


class Incident(Shape):
    model_config = shown(examples.INCIDENT)
    id: str
    severity: str
    cause: str
    region: str
    township: str
    township_name: str
    centre: str
    centre_name: str
    device: str
    device_name: str
    kind: str | None
    room: str
    path: str | None
    scope: str = Field(description="What an area outage names: `township:…`, `carrier:…`, `sim_pool:…`.")
    reasons: list[str]
    reason: Words
    good_at: At
    since: str = Field(description="When it was last good.")
    opened_at: str = Field(description="At its limit.")
    tell_at: At = Field(description="When people will be told, if it still holds.")
    told_at: At
    closed_at: At
    closed_as: str
    outcome: str
    merged_into: str | None
    unseen: bool = Field(description="Last known out, now not seen.")
    flapping: bool
    acknowledgement: Acknowledgement | None
    devices_unwatched: int
    terminals_unwatched: int
    members: list[str] = Field(description="`centre` or `centre/device`; in lists the first 20.")
    members_total: int
    maintenance: Window | None


class TimelineItem(Shape):
    at: str
    what: str
    who: str
    text: str
    detail: dict[str, Any]


class TryItem(Shape):
    provider: str
    at: str
    took_ms: int
    accepted: bool
    answer: str


class NotificationItem(Shape):
    id: str = Field(description="The `webhook-id` of every try.")
    type: str
    severity: str
    owed_at: str
    next_try_at: At
    accepted_at: At
    accepted_by: str
    tries: list[TryItem]


class IncidentWhole(Incident):
    model_config = shown(examples.INCIDENT_WHOLE)
    merged: list[str] = Field(description="Incidents merged into this one.")
    timeline: list[TimelineItem]
    notifications: list[NotificationItem]


class Later(Shape):
    detail: str
    incident: IncidentWhole


class Note(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"note": "已电话联系，网格员上门"}]})
    note: str = Field("", max_length=2_000)
