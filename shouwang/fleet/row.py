"""One device as the fleet file has it, and what is wrong with a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class FleetRow:
    """A row that was checked. Empty text and None: not said. `path` empty: the centre's own agent."""

    centre: str
    device: str
    kind: str
    region: str
    township: str = ""
    township_name: str = ""
    centre_name: str = ""
    centre_type: str = "centre"
    centre_stage: str = "live"
    latitude: float | None = None
    longitude: float | None = None
    path: str = ""
    carrier: str = ""
    sim_pool: str = ""
    iccid: str = ""
    sim_expires_on: str = ""
    device_name: str = ""
    room: str = ""
    driver: str = ""
    target: str = ""
    settings: dict[str, Any] | None = field(default_factory=dict)  # of its driver; None: the file has no such column
    profile: str = ""
    household: str = ""
    owner: str = ""
    maintainer: str = ""
    model: str = ""
    serial: str = ""
    installed_on: str = ""
    warranty_until: str = ""
    report_every_s: float | None = None
    silent_after_s: float | None = None
    notify_after_s: float | None = None
    extra: dict[str, str] = field(default_factory=dict)  # the file's x_… columns


@dataclass(frozen=True, slots=True)
class FleetError:
    """One thing that is wrong. `line` 0: the file as a whole; of a JSON file it is the number of the entry."""

    file: str
    line: int
    message: str  # what is wrong, with the value, and what to do
    column: str = ""
    word: str = "line"  # what `line` counts: line, row (XLSX), entry (JSON)

    def __str__(self) -> str:
        place = f" {self.word} {self.line}" if self.line else ""
        column = f", {self.column}" if self.column else ""
        return f"{self.file}{place}{column}: {self.message}"
