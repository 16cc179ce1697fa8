"""Availability over a time."""

from __future__ import annotations

from pydantic import Field

from api.rest import examples
from api.rest.shapes.base import Page, Shape, shown


class ByCondition(Shape):
    ok: float
    degraded: float
    down: float
    silent: float
    unknown: float
    maintenance: float


class AvailabilityLine(Shape):
    key: str = Field(description="A code or name; `centre/device` for a device.")
    name: str
    devices: int
    seconds: ByCondition
    percent: ByCondition = Field(description="Of the time that counts.")


class AvailabilityReport(Page[AvailabilityLine]):
    model_config = shown(examples.AVAILABILITY)
    by: str
    from_: str = Field(alias="from")
    to: str
