"""The shapes of REST, for its OpenAPI document and for what comes in; answers are made by `shouwang.ledger.views`.

A test holds that real answers fit them.
"""

from api.rest.shapes.availability import AvailabilityLine, AvailabilityReport, ByCondition
from api.rest.shapes.base import Page, ProblemDetails, Words
from api.rest.shapes.devices import (
    CorrectionItem,
    Device,
    DeviceWhole,
    LastKnown,
    LimitsShape,
    MeanOfStep,
    Probed,
    Readings,
    Taken,
    TransitionItem,
    Transitions,
)
from api.rest.shapes.fleet import FleetChange
from api.rest.shapes.incidents import (
    Acknowledgement,
    Incident,
    IncidentBrief,
    IncidentWhole,
    Later,
    Note,
    NotificationItem,
    TimelineItem,
    TryItem,
)
from api.rest.shapes.maintenance import NewWindow, Window
from api.rest.shapes.over_time import ConditionAt, CountsLine, Delay, HouseFacts, SeverityAt
from api.rest.shapes.overview import (
    AsideCounted,
    Counts,
    IncidentCounts,
    PathCounts,
    Summary,
    Terminals,
    Tested,
    TownshipCounts,
)
from api.rest.shapes.places import Centre, Feed, Feeds, PathState

__all__ = [
    "Acknowledgement",
    "AsideCounted",
    "AvailabilityLine",
    "AvailabilityReport",
    "ByCondition",
    "Centre",
    "ConditionAt",
    "CorrectionItem",
    "Counts",
    "CountsLine",
    "Delay",
    "Device",
    "DeviceWhole",
    "Feed",
    "Feeds",
    "FleetChange",
    "HouseFacts",
    "Incident",
    "IncidentBrief",
    "IncidentCounts",
    "IncidentWhole",
    "LastKnown",
    "Later",
    "LimitsShape",
    "MeanOfStep",
    "NewWindow",
    "Note",
    "NotificationItem",
    "Page",
    "PathCounts",
    "PathState",
    "Probed",
    "ProblemDetails",
    "Readings",
    "SeverityAt",
    "Summary",
    "Taken",
    "Terminals",
    "Tested",
    "TimelineItem",
    "TownshipCounts",
    "TransitionItem",
    "Transitions",
    "TryItem",
    "Window",
    "Words",
]
