"""Flat rows: counts by place, and what was when."""

from __future__ import annotations

from pydantic import Field

from api.rest.shapes.base import Shape
from api.rest.shapes.overview import Counts


class HouseFacts(Shape):
    public_url: str = Field(description="The console, as people reach it.")


class CountsLine(Counts):
    key: str = Field(description="A code or name.")
    name: str
    terminals_unwatched: int


class ConditionAt(Shape):
    at: str
    centre: str
    device: str
    condition: str
    code: int = Field(description="0 ok, 1 maintenance, 2 degraded, 3 unknown, 4 silent, 5 down.")


class SeverityAt(Shape):
    at: str
    key: str = Field(description="A township.")
    name: str
    severity: str = Field(description="`none` where nothing was open.")
    code: int = Field(description="0 none, 1 minor, 2 major, 3 critical, 4 emergency.")


class Delay(Shape):
    at: str = Field(description="When it was so.")
    centre: str
    device: str
    condition: str
    delay_s: float = Field(description="How long after that it was judged.")
