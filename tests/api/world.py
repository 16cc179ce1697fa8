"""A small fleet with one of everything that can be out, written into a ledger as importer and collector would."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, insert

from shouwang.ledger.tables import (
    AsideCount,
    Base,
    Centre,
    Correction,
    Device,
    DeviceCondition,
    Feed,
    Incident,
    Maintenance,
    Meta,
    Notification,
    Path,
    TimelineEntry,
    Transition,
    Try,
)

NOW_MS = 1_790_000_000_000
MINUTE_MS = 60_000

DAQIN, BAXIAN = "150525100", "150525101"
GUANGMING, BEILAOGUI, BAXIAN_VILLAGE = "150525100200", "150525100201", "150525101200"


def centre(code: str, township: str, name: str, **more: Any) -> dict[str, Any]:
    names = {DAQIN: "大沁他拉镇", BAXIAN: "八仙筒镇"}
    return {
        "centre": code,
        "region": "150525",
        "township": township,
        "township_name": names[township],
        "name": name,
        "type": "centre",
        "stage": "live",
        "retired_at": None,
        **more,
    }


def device(id_: int, centre: str, code: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "centre": centre,
        "device": code,
        "kind": kind,
        "path": centre,
        "name": "",
        "room": "",
        "driver": "",
        "target": f"192.168.1.{id_}",
        "household": "",
        "iccid": "",
        "retired_at": None,
        **more,
    }


def condition(device_id: int, condition: str, since: int, **more: Any) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "condition": condition,
        "since": since,
        "reasons": [],
        "first_heard_at": NOW_MS - 86_400_000,
        "good_at": since,
        **more,
    }


def incident(id_: str, cause: str, severity: str, since: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "cause": cause,
        "severity": severity,
        "region": "150525",
        "township": "",
        "centre": "",
        "device": "",
        "device_id": None,
        "scope": "",
        "since": since,
        "opened_at": since + MINUTE_MS,
        "tell_at": None,
        "told_at": None,
        "closed_at": None,
        "closed_as": "",
        "merged_into": None,
        "acknowledged_at": None,
        "acknowledged_by": "",
        "devices_unwatched": 0,
        "terminals_unwatched": 0,
        "members": [],
        "reasons": [],
        "state": b"",
        **more,
    }


def fill(engine: Engine) -> None:
    """光明村 is heard: a terminal silent, a camera down, a POS well, a kiosk never connected. 北老柜村 is
    offline. 八仙筒 has a terminal of its own SIM behind the feed `unicom`, which is heard while its centre is
    offline."""
    rows: dict[Any, list[dict[str, Any]]] = {
        Centre: [
            centre(GUANGMING, DAQIN, "光明村"),
            centre(BEILAOGUI, DAQIN, "北老柜村"),
            centre(BAXIAN_VILLAGE, BAXIAN, "八仙筒村"),
        ],
        Feed: [{"feed": "unicom", "region": "150525", "name": "联通平台", "retired_at": None}],
        Device: [
            device(1, GUANGMING, "call-01", "call_terminal", household="王奶奶", name="王家呼叫器", room="household"),
            device(2, GUANGMING, "cam-01", "camera", room="police_room"),
            device(3, GUANGMING, "pos-01", "pos_terminal"),
            device(4, GUANGMING, "kiosk-01", "payment_kiosk"),
            device(5, BEILAOGUI, "call-01", "call_terminal", household="李爷爷"),
            device(6, BEILAOGUI, "cam-01", "camera"),
            device(7, BAXIAN_VILLAGE, "call-01", "call_terminal", path="unicom", household="赵奶奶"),
            device(8, BAXIAN_VILLAGE, "cam-01", "camera"),
            device(9, GUANGMING, "cam-09", "camera", retired_at=NOW_MS - 5 * MINUTE_MS),
        ],
        Path: [
            {"path": GUANGMING, "online": True, "since": NOW_MS - 600 * MINUTE_MS, "agent_version": "1.0.0"},
            {"path": BEILAOGUI, "online": False, "since": NOW_MS - 30 * MINUTE_MS, "agent_version": "1.0.0"},
            {"path": BAXIAN_VILLAGE, "online": False, "since": NOW_MS - 10 * MINUTE_MS, "agent_version": "0.9.0"},
            {"path": "unicom", "online": True, "since": NOW_MS - 900 * MINUTE_MS, "agent_version": "1.0.0"},
        ],
        DeviceCondition: [
            condition(1, "silent", NOW_MS - 20 * MINUTE_MS, good_at=NOW_MS - 22 * MINUTE_MS),
            condition(2, "down", NOW_MS - 40 * MINUTE_MS, reasons=["unreachable"]),
            condition(3, "ok", NOW_MS - 700 * MINUTE_MS),
            condition(5, "ok", NOW_MS - 700 * MINUTE_MS),
            condition(6, "down", NOW_MS - 50 * MINUTE_MS, reasons=["unreachable"]),
            condition(7, "ok", NOW_MS - 800 * MINUTE_MS),
            condition(8, "degraded", NOW_MS - 800 * MINUTE_MS),
        ],
        Transition: [
            transition(1, 1, GUANGMING, "ok", 700),
            transition(2, None, GUANGMING, "online", 700),
            transition(3, None, GUANGMING, "offline", 650),
            transition(4, None, GUANGMING, "online", 600),
            transition(5, 1, GUANGMING, "degraded", 100, ["mains_lost"]),
            transition(6, 1, GUANGMING, "ok", 90),
            transition(7, 1, GUANGMING, "silent", 20),
        ],
        Correction: [
            {
                "device_id": 1,
                "from_at": NOW_MS - 640 * MINUTE_MS,
                "to_at": NOW_MS - 610 * MINUTE_MS,
                "condition": "ok",
                "known_at": NOW_MS - 599 * MINUTE_MS,
            }
        ],
        Incident: [
            incident(
                "i-silent",
                "device_silent",
                "critical",
                NOW_MS - 22 * MINUTE_MS,
                township=DAQIN,
                centre=GUANGMING,
                device="call-01",
                device_id=1,
                terminals_unwatched=1,
                devices_unwatched=1,
                told_at=NOW_MS - 18 * MINUTE_MS,
            ),
            incident(
                "i-down",
                "device_down",
                "major",
                NOW_MS - 40 * MINUTE_MS,
                township=DAQIN,
                centre=GUANGMING,
                device="cam-01",
                device_id=2,
                reasons=["unreachable"],
                acknowledged_at=NOW_MS - 30 * MINUTE_MS,
                acknowledged_by="li",
            ),
            incident(
                "i-offline",
                "centre_offline",
                "critical",
                NOW_MS - 30 * MINUTE_MS,
                township=DAQIN,
                centre=BEILAOGUI,
                devices_unwatched=2,
                terminals_unwatched=1,
                members=[f"{BEILAOGUI}/call-01", f"{BEILAOGUI}/cam-01"],
            ),
            incident(
                "i-carrier",
                "area_outage",
                "critical",
                NOW_MS - 11 * MINUTE_MS,
                scope="carrier:unicom",
                members=[BAXIAN_VILLAGE, BEILAOGUI],
            ),
            incident(
                "i-baxian-minor",
                "device_degraded",
                "minor",
                NOW_MS - 800 * MINUTE_MS,
                township=BAXIAN,
                centre=BAXIAN_VILLAGE,
                device="cam-01",
                device_id=8,
            ),
            incident(
                "i-closed",
                "device_down",
                "major",
                NOW_MS - 3000 * MINUTE_MS,
                township=DAQIN,
                centre=GUANGMING,
                device="cam-01",
                device_id=2,
                closed_at=NOW_MS - 2900 * MINUTE_MS,
                closed_as="recovered",
            ),
        ],
        TimelineEntry: [
            line("i-silent", 21, "opened"),
            line("i-silent", 18, "told"),
            line("i-carrier", 10, "grew", detail={"members": [BAXIAN_VILLAGE, BEILAOGUI]}),
        ],
        Notification: [
            {
                "id": "n-1",
                "incident_id": "i-silent",
                "type": "opened",
                "severity": "critical",
                "owed_at": NOW_MS - 18 * MINUTE_MS,
                "body": {},
                "tries": 2,
                "next_try_at": NOW_MS - 17 * MINUTE_MS,
                "accepted_at": NOW_MS - 17 * MINUTE_MS,
                "accepted_by": "webhook",
            }
        ],
        Try: [
            attempt("wecom", 18, accepted=False, answer="errcode 93000"),
            attempt("webhook", 17, accepted=True, answer="204"),
        ],
        AsideCount: [
            aside(GUANGMING, "call-77", "call_terminal", "unknown_device", 12, 1),
            aside("somebody-else", "", "", "malformed", 1, 2),
            aside(BAXIAN_VILLAGE, "robot-1", "robot", "unknown_kind", 3, 3),
        ],
        Maintenance: [
            window(1, 10, -50, centre=GUANGMING, device="pos-01"),
            window(2, 100, 90, township=DAQIN),  # over
            window(3, -60, -120, kind="camera"),  # to come
            window(4, 10, -50, township=BAXIAN, ended_at=NOW_MS - MINUTE_MS),
        ],
        Meta: [{"key": "heard_well_at", "value": str(NOW_MS - 2_000)}, {"key": "fleet_revision", "value": "1"}],
    }  # fmt: skip
    with engine.execution_options(writes=True).begin() as connection:
        Base.metadata.create_all(connection)
        for table, those in rows.items():
            for row in those:
                connection.execute(insert(table), [row])


def transition(
    id_: int, device_id: int | None, path: str, condition: str, ago_min: int, reasons: list[str] | None = None
) -> dict[str, Any]:
    at = NOW_MS - ago_min * MINUTE_MS
    return {
        "id": id_,
        "device_id": device_id,
        "path": path,
        "condition": condition,
        "at": at,
        "known_at": at + 500,
        "reasons": reasons or [],
    }


def line(incident_id: str, ago_min: int, what: str, **more: Any) -> dict[str, Any]:
    return {"incident_id": incident_id, "at": NOW_MS - ago_min * MINUTE_MS, "what": what, "detail": {}, **more}


def attempt(provider: str, ago_min: int, **more: Any) -> dict[str, Any]:
    return {"notification_id": "n-1", "provider": provider, "at": NOW_MS - ago_min * MINUTE_MS, **more}


def aside(path: str, device: str, kind: str, reason: str, count: int, ago_min: int) -> dict[str, Any]:
    at = NOW_MS - ago_min * MINUTE_MS
    return {
        "path": path,
        "device": device,
        "kind": kind,
        "reason": reason,
        "count": count,
        "first_at": at - 1000,
        "last_at": at,
        "detail": f"{reason} {device}",
        "text": "{}",
    }


def window(id_: int, from_ago_min: int, to_ago_min: int, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "from_at": NOW_MS - from_ago_min * MINUTE_MS,
        "to_at": NOW_MS - to_ago_min * MINUTE_MS,
        "who": "li",
        "ended_at": None,
        **more,
    }
