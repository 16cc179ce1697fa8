"""Windows of maintenance."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.rest import examples
from api.rest.shapes.base import At, Body, Shape, shown


class Window(Shape):
    """A maintenance window; an empty part fits everything."""

    model_config = shown(examples.WINDOW)
    id: int
    township: str
    centre: str
    device: str
    kind: str
    from_: str = Field(alias="from")
    to: str
    reason: str
    who: str
    ended_at: At


class NewWindow(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"centre": "150525100201", "device": "cam-03", "reason": "更换电源"},
                {"township": "150525100", "from": "2026-11-25T00:00:00Z", "to": "2026-11-25T04:00:00Z"},
            ]
        },
    )
    township: str = Field("", max_length=32)
    centre: str = Field("", max_length=32)
    device: str = Field("", max_length=32)
    kind: str = Field("", max_length=32)
    from_: str | None = Field(None, alias="from", max_length=40)
    to: str | None = Field(None, max_length=40)
    reason: str = Field("", max_length=500)
