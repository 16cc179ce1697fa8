"""What every shape begins with, and what several hold."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from api.rest import examples

Item = TypeVar("Item")
At = str | None
"""RFC 3339 UTC, or null."""
Reading = dict[str, Any]


def shown(*shown_examples: examples.Example, extra: Literal["forbid", "allow"] = "forbid") -> ConfigDict:
    """The configuration of a shape with these examples."""
    return ConfigDict(extra=extra, json_schema_extra={"examples": [*shown_examples]})


class Shape(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(extra="forbid")


class Body(BaseModel):
    """Base of what comes in: nothing but what is declared."""

    model_config = ConfigDict(extra="forbid")


class Page(Shape, Generic[Item]):
    items: list[Item]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null at the end.")


class ProblemDetails(BaseModel):
    """RFC 9457."""

    model_config = shown(examples.PROBLEM, extra="allow")
    type: str
    title: str
    status: int
    detail: str
    instance: str


class Words(Shape):
    zh: str
    en: str
