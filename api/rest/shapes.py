"""The shapes of REST, for its OpenAPI document and for what comes in; answers are made by `shouwang.ledger.views`.

A test holds that real answers fit them.
"""

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


class Counts(Shape):
    """The five conditions sum up to `total`; `not_connected` is part of `unknown`, `maintenance` lies over any."""

    total: int
    ok: int
    degraded: int
    down: int
    silent: int
    unknown: int
    not_connected: int
    maintenance: int


class TownshipCounts(Counts):
    name: str


class PathCounts(Shape):
    total: int
    online: int
    offline: int
    not_connected: int


class IncidentCounts(Shape):
    total: int
    emergency: int
    critical: int
    major: int
    minor: int
    unacknowledged: int


class Terminals(Shape):
    """Elderly people's terminals; `unwatched`: silent, down, or with a path that is not heard."""

    total: int
    unwatched: int


class Summary(Shape):
    model_config = shown(examples.SUMMARY)
    at: str
    deaf: bool = Field(description="The collector does not hear, or does not run.")
    deaf_since: At
    devices: Counts
    terminals: Terminals
    kinds: dict[str, Counts]
    townships: dict[str, TownshipCounts]
    centres: PathCounts
    feeds: PathCounts
    incidents: IncidentCounts


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


class AsideCounted(Shape):
    path: str
    centre_name: str
    township: str
    township_name: str
    device: str
    kind: str
    reason: str
    count: int
    first_at: str
    last_at: str
    detail: str
    sample: str


class Tested(Shape):
    provider: str
    accepted: bool
    answer: str
