"""What codes are called on the screen: conditions, severities, causes, rooms, roles and the rest of the vocabulary.

Every text is a message of the catalogues; `mark` only marks it for their extraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.console.language import Language
from shouwang.kinds import Kinds


def mark(message: str) -> str:
    """Marks a message for the catalogues; it is translated where it is shown."""
    return message


WORDS: dict[str, dict[str, str]] = {
    "condition": {
        "ok": mark("OK"),
        "degraded": mark("Degraded"),
        "down": mark("Down"),
        "silent": mark("Silent"),
        "unknown": mark("Unknown"),
        "not_connected": mark("Not yet connected"),
        "maintenance": mark("Maintenance"),
        "online": mark("Online"),
        "offline": mark("Offline"),
    },
    "severity": {
        "emergency": mark("Emergency"),
        "critical": mark("Critical"),
        "major": mark("Major"),
        "minor": mark("Minor"),
    },
    "cause": {
        "device_silent": mark("silent"),
        "device_down": mark("down"),
        "device_degraded": mark("degraded"),
        "centre_offline": mark("Centre offline"),
        "area_outage": mark("Outage of an area"),
        "collector_deaf": mark("The collector hears nothing"),
        "help_call": mark("Help call"),
        "devices_lost_together": mark("Devices lost together"),
        "feed_offline": mark("Feed offline"),
        "identity_conflict": mark("Two agents under one name"),
        "cannot_record": mark("The collector cannot record"),
        "store_failing": mark("The store of readings fails"),
    },
    "stage": {
        "planned": mark("Planned"),
        "building": mark("Being built"),
        "live": mark("Live"),
        "retired": mark("Retired"),
    },
    "centre_type": {
        "centre": mark("Service centre"),
        "station": mark("Service station"),
        "vehicle": mark("Service vehicle"),
        "deputy": mark("Deputy"),
    },
    "room": {
        "service_hall": mark("Service hall"),
        "party_room": mark("Party room"),
        "distance_education": mark("Distance education"),
        "library": mark("Library"),
        "police_room": mark("Police room"),
        "clinic": mark("Clinic"),
        "culture_room": mark("Culture room"),
        "family_planning": mark("Family planning"),
        "science_school": mark("Science school"),
        "finance_point": mark("Finance point"),
        "elderly_home": mark("Elderly home"),
        "childrens_home": mark("Children's home"),
        "day_care": mark("Day care"),
        "shop": mark("Shop"),
        "square": mark("Square"),
        "household": mark("Household"),
    },
    "role": {
        "viewer": mark("Viewer"),
        "technician": mark("Technician"),
        "duty_officer": mark("Duty officer"),
        "administrator": mark("Administrator"),
    },
    "notification": {
        "incident.opened": mark("opened"),
        "incident.updated": mark("grew"),
        "incident.merged": mark("merged"),
        "incident.escalated": mark("escalated"),
        "incident.acknowledged": mark("acknowledged"),
        "incident.closed": mark("closed"),
    },
    "closed_as": {
        "recovered": mark("recovered"),
        "merged": mark("merged into another"),
        "by_hand": mark("closed by hand"),
        "retired": mark("device retired"),
    },
    "timeline": {
        "opened": mark("Opened"),
        "probe_wanted": mark("Probe of our own accord"),
        "probed": mark("Probe"),
        "grew": mark("Grew"),
        "shrank": mark("Shrank"),
        "merged": mark("Merged"),
        "split": mark("Split"),
        "unseen": mark("No longer seen"),
        "seen": mark("Seen again"),
        "told": mark("People told"),
        "updated": mark("People told that it grew"),
        "escalated": mark("Escalated"),
        "eased": mark("Eased"),
        "worse": mark("Worse"),
        "now": mark("Changed"),
        "reasons": mark("Other reasons"),
        "out_again": mark("Out again"),
        "good_for_now": mark("Good for now"),
        "acknowledged": mark("Acknowledged"),
        "note": mark("Note"),
        "closed": mark("Closed"),
    },
    "path_reason": {
        "lost": mark("connection lost"),
        "stopped": mark("stopped on purpose"),
        "silent": mark("silent"),
    },
    "window_reason": {
        "trial": mark("trial of a new device"),
    },
    "aside": {
        "unknown_device": mark("not in the fleet"),
        "unknown_kind": mark("kind not known"),
    },
    "provider": {
        "webhook": mark("Webhook"),
        "wecom": mark("WeCom robot"),
        "dingtalk": mark("DingTalk robot"),
        "email": mark("E-mail"),
    },
    "outcome": {
        "unplugged": mark("Unplugged"),
        "power_cut": mark("Power cut"),
        "electricity_unpaid": mark("Electricity unpaid"),
        "sim_unpaid": mark("SIM unpaid"),
        "no_signal": mark("No signal"),
        "battery": mark("Battery"),
        "lightning": mark("Struck by lightning"),
        "broken": mark("Device broken"),
        "away": mark("Nobody there"),
        "false_alarm": mark("False alarm"),
        "helped": mark("Person helped"),
    },
}


def word(language: Language, what: str, code: str | None) -> str:
    """What a code of a vocabulary is called; a code that is new to us stands as it is."""
    message = WORDS[what].get(str(code or ""))
    return language.text(message) if message else str(code or "")


def kind_label(language: Language, kinds: Kinds, kind: str | None) -> str:
    """What a kind of device is called, from its file."""
    return language.label(kinds[kind].label) if kind and kind in kinds else str(kind or "")


def device_title(language: Language, kinds: Kinds, item: Mapping[str, Any]) -> str:
    """`呼叫终端 call-07`, or the device's own name where it has one. `item`: a device's or an incident's view."""
    own = item.get("device_name") or item.get("name") or ""
    if item.get("device") and own:
        return str(own)
    return " ".join(filter(None, (kind_label(language, kinds, item.get("kind")), str(item.get("device") or ""))))


def place(item: dict[str, Any]) -> str:
    """`大沁他拉镇 · 北老柜村`: where a device, a centre or an incident is."""
    centre = item.get("centre_name") or item.get("centre") or ""
    return " · ".join(str(part) for part in (item.get("township_name"), centre) if part)


def headline(language: Language, kinds: Kinds, incident: dict[str, Any]) -> str:
    """An incident in one short line, its place apart (see `place`)."""
    cause = word(language, "cause", incident["cause"])
    devices = incident["devices_unwatched"] or incident["members_total"]
    match incident["cause"]:
        case "device_silent" | "device_down" | "device_degraded":
            return f"{device_title(language, kinds, incident)} {cause}"
        case "help_call":
            return f"{cause} · {device_title(language, kinds, incident)}" if incident["device"] else cause
        case "area_outage" | "devices_lost_together" if "mains_lost" in incident.get("reasons", ()):
            where = incident["township_name"] if incident["cause"] == "area_outage" else ""
            lost = language.counted("%(n)s device", "%(n)s devices", incident["members_total"])
            return " · ".join(filter(None, (language.text("Power cut, devices run on their batteries"), where, lost)))
        case "area_outage":
            what, _, which = str(incident["scope"]).partition(":")
            of = {
                "township": incident["township_name"] or which,
                "carrier": language.text("carrier %s") % which,
                "sim_pool": language.text("SIM pool %s") % which,
            }.get(what, which)
            lost = language.counted("%(n)s place", "%(n)s places", incident["members_total"])
            return f"{cause} · {of} · {lost}"
        case "devices_lost_together":
            lost = language.counted("%(n)s device", "%(n)s devices", devices)
            return f"{cause} · {lost}"
        case _:
            return cause


def outcome(language: Language, text: str) -> str:
    """What the person who closed an incident said: a code of the list, words of their own, or `code: words`."""
    code, colon, more = text.partition(":")
    if code in WORDS["outcome"]:
        return word(language, "outcome", code) + (f" · {more.strip()}" if colon and more.strip() else "")
    return text
