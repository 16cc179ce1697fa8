"""Devices, their readings and their history of conditions."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.rest import examples
from api.rest.shapes.base import At, Page, Reading, Shape, Words, shown
from api.rest.shapes.incidents import IncidentBrief
from api.rest.shapes.maintenance import Window


class LastKnown(Shape):
    condition: str
    since: str


class Device(Shape):
    model_config = shown(examples.DEVICE)
    centre: str
    centre_name: str
    region: str
    township: str
    township_name: str
    device: str
    name: str
    kind: str
    net: str | None
    is_terminal: bool
    profile: str
    room: str
    path: str
    driver: str
    target: str
    carrier: str
    sim_pool: str
    iccid: str
    owner: str
    maintainer: str
    condition: str = Field(description="Effective: `unknown` where its path is not heard, or it never was.")
    since: At
    reasons: list[str] = Field(description="Codes of its kind's rules, gravest first.")
    reason: Words
    connected: bool = Field(description="Whether it was ever heard.")
    first_heard_at: At
    good_at: At = Field(description="When its last good reading was taken.")
    last_known: LastKnown | None = Field(description="What it last was, where that is not seen now.")
    maintenance: Window | None
    incident: IncidentBrief | None
    household: str | None = Field(None, description="Only for roles that may see it; each viewing is kept.")


class LimitsShape(Shape):
    report_every_s: float
    silent_after_s: float
    down_after_probes: int
    notify_after_s: float


class Taken(Shape):
    model_config = shown(examples.READING)
    taken_at: At
    fields: Reading = Field(description="Names and units as the kind declares them.")


class DeviceWhole(Device):
    model_config = shown(examples.DEVICE_WHOLE)
    settings: dict[str, Any]
    sim_expires_on: str
    model: str
    serial: str
    installed_on: str
    warranty_until: str
    extra: dict[str, Any]
    limits: LimitsShape | None
    last_reading: Taken | None = None
    last_reading_unavailable: str = Field("", description="Why the last reading cannot be read now.")


class Probed(Shape):
    reading: Taken
    device: DeviceWhole


class MeanOfStep(Shape):
    from_: str = Field(alias="from")
    count: int
    mean: dict[str, float]
    min: dict[str, float]
    max: dict[str, float]


class Readings(Shape):
    items: list[Taken] | list[MeanOfStep]
    next_cursor: str | None


class TransitionItem(Shape):
    condition: str
    at: str = Field(description="Since when it was so.")
    known_at: str = Field(description="When we knew.")
    because: str = Field(description="`device`, or `path`: what changed was whether it is heard at all.")
    reasons: list[str]
    reason: Words


class CorrectionItem(Shape):
    """What it turned out to have been while we did not know."""

    condition: str
    from_: str = Field(alias="from")
    to: str
    known_at: str


class Transitions(Page[TransitionItem]):
    corrections: list[CorrectionItem]
