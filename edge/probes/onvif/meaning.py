"""What an ONVIF device's answers mean for a reading: its clock, where its services are, its recordings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from edge.sip.xml import Element

RECORDS_WITHIN_MS = 900_000
"""A recorder closes its files every few minutes: what ended within so long is still being recorded."""
_DAY_MS = 86_400_000
_NAMED = {"Device": "device", "Media": "media", "Search": "search", "Recording": "recording", "Events": "events"}


def clock_of(response: Element) -> int | None:
    """The device's UTC of GetSystemDateAndTime, in epoch milliseconds; None where it does not say it."""
    told = response.find("SystemDateAndTime")
    utc = told.find("UTCDateTime") if told is not None else None
    date, time = (utc.find("Date"), utc.find("Time")) if utc is not None else (None, None)
    if date is None or time is None:
        return None
    try:
        year, month, day = (int(date.said(name)) for name in ("Year", "Month", "Day"))
        hour, minute = (int(time.said(name)) for name in ("Hour", "Minute"))
        second = min(59, int(float(time.said("Second") or 0)))  # a leap second is told as 60
        return round(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def services_of(response: Element) -> dict[str, str]:
    """Path by namespace, of GetServices."""
    found: dict[str, str] = {}
    for service in response.every("Service"):
        if path := path_of(service.said("XAddr")):
            found[service.said("Namespace")] = path
    return found


def capabilities_of(response: Element) -> dict[str, str]:
    """Path by `device`, `media`, …, of GetCapabilities, for devices that know no GetServices."""
    told = response.find("Capabilities")
    if told is None:
        return {}
    extension = told.find("Extension")
    parts = [*told.inside, *(extension.inside if extension is not None else [])]
    return {_NAMED[part.name]: path for part in parts if part.name in _NAMED and (path := path_of(part.said("XAddr")))}


def path_of(address: str) -> str:
    """The path of an address that the device gives. Its host is left out: behind a router it is often a wrong one, and
    it is not for a device to say whom the agent connects to. Empty for what is no path."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return path if path.startswith("/") and path.isascii() and path.isprintable() and " " not in path else ""


def recordings_of(response: Element, device_now_ms: int) -> dict[str, Any]:
    """`oldest_recording_days` and `recording` of GetRecordingSummary; both against the device's own clock."""
    summary = response.find("Summary")
    if summary is None:
        return {}
    if summary.said("NumberRecordings") == "0":
        return {"oldest_recording_days": 0.0, "recording": False}
    fields: dict[str, Any] = {}
    began_ms, until_ms = instant_of(summary.said("DataFrom")), instant_of(summary.said("DataUntil"))
    if began_ms is not None and began_ms <= device_now_ms:
        fields["oldest_recording_days"] = round((device_now_ms - began_ms) / _DAY_MS, 2)
    if until_ms is not None:
        fields["recording"] = device_now_ms - until_ms <= RECORDS_WITHIN_MS
    return fields


def instant_of(text: str) -> int | None:
    """An xsd:dateTime in epoch milliseconds; without an offset it is UTC; None for what is none."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return round(instant.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def storage_trouble_of(response: Element) -> str:
    """`ok` or `fault`, of the messages of PullMessages about Device/HardwareFailure/StorageFailure; empty where none
    speaks of it. Of several disks one that fails is a fault."""
    states = []
    for told in response.every("NotificationMessage"):
        if "StorageFailure" not in told.said("Topic"):
            continue
        outer = told.find("Message")
        message = outer.find("Message") if outer is not None else None
        data = message.find("Data") if message is not None else None
        states += [
            item.attributes.get("Value", "").lower() in ("true", "1")
            for item in (data.every("SimpleItem") if data is not None else [])
            if item.attributes.get("Name") in ("Failed", "State")
        ]
    return "" if not states else "fault" if any(states) else "ok"
