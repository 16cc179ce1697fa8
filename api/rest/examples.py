"""Examples for the OpenAPI document; a test holds that they fit their shapes."""

from __future__ import annotations

from pydantic import JsonValue

Example = dict[str, JsonValue]

COUNTS: Example = {
    "total": 19050,
    "ok": 18702,
    "degraded": 41,
    "down": 96,
    "silent": 11,
    "unknown": 200,
    "not_connected": 150,
    "maintenance": 4,
}

SUMMARY: Example = {
    "at": "2026-11-24T03:20:00.000Z",
    "deaf": False,
    "deaf_since": None,
    "devices": COUNTS,
    "terminals": {"total": 3810, "unwatched": 12},
    "kinds": {"call_terminal": COUNTS},
    "townships": {"150525100": {"name": "大沁他拉镇", **COUNTS}},
    "centres": {"total": 381, "online": 378, "offline": 2, "not_connected": 1},
    "feeds": {"total": 1, "online": 1, "offline": 0, "not_connected": 0},
    "incidents": {"total": 9, "emergency": 0, "critical": 3, "major": 4, "minor": 2, "unacknowledged": 1},
}

INCIDENT_BRIEF: Example = {
    "id": "0199d2a0-7c1e-7c3a-9d5e-2f7f5b1c0a11",
    "cause": "device_silent",
    "severity": "critical",
    "since": "2026-11-24T03:12:40.000Z",
    "opened_at": "2026-11-24T03:14:10.000Z",
    "acknowledgement": None,
}

WINDOW: Example = {
    "id": 7,
    "township": "",
    "centre": "150525100201",
    "device": "cam-03",
    "kind": "",
    "from": "2026-11-24T03:00:00.000Z",
    "to": "2026-11-24T05:00:00.000Z",
    "reason": "更换电源",
    "who": "王芳",
    "ended_at": None,
}

ROLLOUT: Example = {
    "id": 3,
    "version": "1.1.0",
    "percent": 5,
    "paths": ["150525100201"],
    "who": "王芳",
    "began_at": "2026-11-24T03:00:00.000Z",
    "ended_at": "2026-11-24T03:20:00.000Z",
    "ended_as": "rolled_back",
    "ended_by": "150525100207",
    "offered": 19,
    "done": 18,
    "failed": 1,
    "pending": 0,
    "failures": [
        {
            "path": "150525100207",
            "at": "2026-11-24T03:20:00.000Z",
            "reason": "had not reported within 300 s",
        }
    ],
}

CENTRE: Example = {
    "centre": "150525100201",
    "name": "北老柜村",
    "region": "150525",
    "township": "150525100",
    "township_name": "大沁他拉镇",
    "type": "centre",
    "stage": "live",
    "latitude": 42.86,
    "longitude": 120.66,
    "condition": "online",
    "since": "2026-11-20T00:10:00.000Z",
    "first_heard_at": "2026-09-01T02:00:00.000Z",
    "agent_version": "1.0.0",
    "lost_rows": 0,
    "lost_readings": 0,
    "devices": {**COUNTS, "total": 50},
    "maintenance": None,
    "incident": None,
}

DEVICE: Example = {
    "centre": "150525100201",
    "centre_name": "北老柜村",
    "region": "150525",
    "township": "150525100",
    "township_name": "大沁他拉镇",
    "device": "call-07",
    "name": "呼叫终端 07",
    "kind": "call_terminal",
    "net": "social_service",
    "is_terminal": True,
    "profile": "",
    "room": "household",
    "path": "150525100201",
    "driver": "sip",
    "target": "sip:192.168.1.57",
    "carrier": "",
    "sim_pool": "",
    "iccid": "",
    "owner": "民政局",
    "maintainer": "",
    "condition": "silent",
    "since": "2026-11-24T03:14:10.000Z",
    "reasons": [],
    "reason": {"zh": "", "en": ""},
    "connected": True,
    "first_heard_at": "2026-09-01T02:00:00.000Z",
    "good_at": "2026-11-24T03:12:40.000Z",
    "last_known": None,
    "maintenance": None,
    "incident": INCIDENT_BRIEF,
}

READING: Example = {
    "taken_at": "2026-11-24T03:12:40.160Z",
    "fields": {"reachable": True, "latency_ms": 12.5, "battery_percent": 87.0, "mains_power": True},
}

DEVICE_WHOLE: Example = {
    **DEVICE,
    "settings": {},
    "sim_expires_on": "",
    "model": "",
    "serial": "",
    "installed_on": "2026-09-01",
    "warranty_until": "",
    "extra": {},
    "limits": {"report_every_s": 30, "silent_after_s": 90, "down_after_probes": 2, "notify_after_s": 120},
    "last_reading": READING,
    "last_reading_unavailable": "",
}

INCIDENT: Example = {
    **INCIDENT_BRIEF,
    "region": "150525",
    "township": "150525100",
    "township_name": "大沁他拉镇",
    "centre": "150525100201",
    "centre_name": "北老柜村",
    "device": "call-07",
    "device_name": "呼叫终端 07",
    "kind": "call_terminal",
    "room": "household",
    "path": "150525100201",
    "scope": "",
    "reasons": [],
    "reason": {"zh": "", "en": ""},
    "good_at": "2026-11-24T03:12:40.000Z",
    "tell_at": None,
    "told_at": "2026-11-24T03:16:10.000Z",
    "closed_at": None,
    "closed_as": "",
    "outcome": "",
    "merged_into": None,
    "unseen": False,
    "flapping": False,
    "acknowledgement": {"who": "王芳", "at": "2026-11-24T03:18:02.000Z"},
    "devices_unwatched": 1,
    "terminals_unwatched": 1,
    "members": [],
    "members_total": 0,
    "maintenance": None,
}

INCIDENT_WHOLE: Example = {
    **INCIDENT,
    "merged": [],
    "timeline": [
        {"at": "2026-11-24T03:14:10.000Z", "what": "opened", "who": "", "text": "", "detail": {}},
        {"at": "2026-11-24T03:18:02.000Z", "what": "acknowledged", "who": "王芳", "text": "网格员上门", "detail": {}},
    ],
    "notifications": [
        {
            "id": "5f0c7b1e-6a0e-4d3c-9a55-0a5d0c6f8f10",
            "type": "incident.opened",
            "severity": "critical",
            "owed_at": "2026-11-24T03:16:10.000Z",
            "next_try_at": None,
            "accepted_at": "2026-11-24T03:16:10.400Z",
            "accepted_by": "webhook",
            "tries": [
                {
                    "provider": "webhook",
                    "at": "2026-11-24T03:16:10.150Z",
                    "took_ms": 250,
                    "accepted": True,
                    "answer": "204",
                }
            ],
        }
    ],
}

AVAILABILITY: Example = {
    "by": "township",
    "from": "2026-10-31T16:00:00.000Z",
    "to": "2026-11-24T03:20:00.000Z",
    "items": [
        {
            "key": "150525100",
            "name": "大沁他拉镇",
            "devices": 1450,
            "seconds": {
                "ok": 2914300800.0,
                "degraded": 5160000.0,
                "down": 4128000.0,
                "silent": 1032000.0,
                "unknown": 8256000.0,
                "maintenance": 516000.0,
            },
            "percent": {
                "ok": 99.349,
                "degraded": 0.176,
                "down": 0.141,
                "silent": 0.035,
                "unknown": 0.281,
                "maintenance": 0.018,
            },
        }
    ],
    "next_cursor": None,
}

PROBLEM: Example = {
    "type": "urn:shouwang:problem:not-found",
    "title": "Not found",
    "status": 404,
    "detail": "there is no incident '42', or it is not yours to see",
    "instance": "/api/v1/incidents/42",
}
