"""What a fleet file changes."""

from __future__ import annotations

from pydantic import Field

from api.rest.shapes.base import Shape


class FleetChange(Shape):
    """What the file changes, or would. Names are `centre/device`, the first 50 of each kind."""

    dry_run: bool
    added: int
    changed: int
    retired: int
    unchanged: int
    centres_added: int
    centres_changed: int
    centres_retired: int
    names_added: list[str]
    names_changed: dict[str, list[str]] = Field(description="Which columns.")
    names_retired: list[str]
    revision: str
