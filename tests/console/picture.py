"""A banner on a bad afternoon, written into a ledger as importer and collector would: what the console shows."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, insert

from shouwang.kinds import Kinds
from shouwang.ledger.tables import (
    AsideCount,
    Base,
    Centre,
    Change,
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
from shouwang.readings.store import ReadingStore, Stored
from simulators.fleet import BANK_FEED, TERMINAL_FEED, SimCentre, SimDevice, naiman

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
_CHUNK = 500


@dataclass
class Picture:
    """What was written: who is out, so that tests can ask for it."""

    now_ms: int
    centres: list[SimCentre]
    ids: dict[str, int] = field(default_factory=dict)  # `centre/device` → id
    silent: str = ""  # `centre/device` of a terminal with readings
    silent_incident: str = ""
    help_incident: str = ""
    offline_centre: str = ""
    offline_incident: str = ""
    degraded: str = ""
    waiting: str = ""  # a device never heard
    incidents: int = 0

    def centre_of(self, name: str) -> SimCentre:
        return next(each for each in self.centres if each.centre == name.partition("/")[0])


def paint(engine: Engine, store: ReadingStore, kinds: Kinds, now_ms: int, centres: int = 40) -> Picture:
    """Makes the tables and fills them."""
    Base.metadata.create_all(engine)
    picture = Picture(now_ms, naiman(centres, seed=7, building=1))
    with engine.execution_options(writes=True).begin() as connection:
        _fleet(connection, picture)
        _out(connection, picture)
    _readings(store, kinds, picture)
    return picture


def crowd(engine: Engine, picture: Picture, count: int) -> None:
    """Opens `count` more incidents, of devices that are down: a very bad afternoon."""
    every = [(centre, device) for centre in picture.centres for device in centre.devices if device.kind != "site"]
    assert len(every) >= count, "a larger fleet is needed"
    with engine.execution_options(writes=True).begin() as connection:
        more = [
            _incident(
                picture,
                "device_down",
                "minor",
                60 + number % 600,
                centre=centre,
                device=device,
                reasons=["unreachable"],
            )
            for number, (centre, device) in enumerate(every[:count])
        ]
        _insert(connection, Incident, more)


def falls_silent(engine: Engine, picture: Picture, at_ms: int) -> tuple[str, str]:
    """Another terminal falls silent now, as the collector writes it; gives (`centre/device`, the incident's id)."""
    centre = picture.centres[5]
    device = next(each for each in centre.devices if each.kind == "call_terminal")
    row = _incident(picture, "device_silent", "critical", 1, centre=centre, device=device, terminals_unwatched=1)
    row |= {"since": at_ms - 90_000, "opened_at": at_ms}
    name = f"{device.centre}/{device.device}"
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(
            DeviceCondition.__table__.update()  # type: ignore[attr-defined]
            .where(DeviceCondition.device_id == picture.ids[name])
            .values(condition="silent", since=at_ms, good_at=at_ms - 90_000)
        )
        connection.execute(insert(Incident), [row])
        connection.execute(insert(Change), [{"at": at_ms, "what": "incident", "incident_id": row["id"], **_at(centre)}])
    return name, row["id"]


def _at(centre: SimCentre) -> dict[str, str]:
    return {"centre": centre.centre, "township": centre.township}


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _CHUNK):
        connection.execute(insert(table), rows[start : start + _CHUNK])


def _fleet(connection: Connection, picture: Picture) -> None:
    now_ms = picture.now_ms
    devices: list[dict[str, Any]] = []
    conditions: list[dict[str, Any]] = []
    for number, centre in enumerate(picture.centres):
        for device in centre.devices:
            id_ = len(devices) + 1
            picture.ids[f"{device.centre}/{device.device}"] = id_
            devices.append(_device(id_, device))
            if centre.stage == "live" and not (number == 2 and device.kind == "water_pump"):
                since = now_ms - (3 + number % 9) * 24 * HOUR_MS
                conditions.append(
                    {
                        "device_id": id_,
                        "condition": "ok",
                        "since": since,
                        "reasons": [],
                        "first_heard_at": since,
                        "good_at": since,
                    }
                )
    _insert(
        connection,
        Centre,
        [
            {
                "centre": each.centre,
                "region": each.region,
                "township": each.township,
                "township_name": each.township_name,
                "name": each.centre_name,
                "type": "centre",
                "stage": each.stage,
                "latitude": each.latitude,
                "longitude": each.longitude,
            }
            for each in picture.centres
        ],
    )
    feeds = {TERMINAL_FEED: "呼叫终端运营平台", BANK_FEED: "银行自助设备平台"}
    _insert(connection, Feed, [{"feed": f, "region": "150525", "name": name} for f, name in feeds.items()])
    _insert(connection, Device, devices)
    _insert(connection, DeviceCondition, conditions)
    heard = [each.centre for each in picture.centres if each.stage == "live"] + list(feeds)
    _insert(
        connection,
        Path,
        [
            {
                "path": path,
                "online": True,
                "since": now_ms - 30 * 24 * HOUR_MS,
                "first_heard_at": now_ms - 30 * 24 * HOUR_MS,
                "agent_version": "0.1.0",
            }
            for path in heard
        ],
    )
    # in the future, so that nothing need refresh it while a test looks
    _insert(connection, Meta, [{"key": "heard_well_at", "value": str(now_ms + 24 * HOUR_MS)}])


def _device(id_: int, device: SimDevice) -> dict[str, Any]:
    return {
        "id": id_,
        "centre": device.centre,
        "device": device.device,
        "kind": device.kind,
        "path": device.path or device.centre,
        "profile": device.profile,
        "name": device.device_name,
        "room": device.room,
        "driver": device.driver,
        "target": device.target,
        "carrier": device.carrier,
        "sim_pool": device.sim_pool,
        "iccid": device.iccid,
        "sim_expires_on": device.sim_expires_on,
        "household": device.household,
        "owner": device.owner,
        "maintainer": device.maintainer,
        "model": device.model,
        "serial": device.serial,
        "installed_on": device.installed_on,
        "settings": {},
        "extra": {},
    }


def _out(connection: Connection, picture: Picture) -> None:
    now_ms, centres = picture.now_ms, picture.centres

    def of(number: int, kind: str, nth: int = 0) -> tuple[SimCentre, SimDevice]:
        return centres[number], [each for each in centres[number].devices if each.kind == kind][nth]

    def becomes(device: SimDevice, condition: str, ago_min: float, reasons: list[str], good_ago_min: float) -> None:
        name = f"{device.centre}/{device.device}"
        at_ms = now_ms - round(ago_min * MINUTE_MS)
        connection.execute(
            DeviceCondition.__table__.update()  # type: ignore[attr-defined]
            .where(DeviceCondition.device_id == picture.ids[name])
            .values(condition=condition, since=at_ms, reasons=reasons, good_at=now_ms - round(good_ago_min * MINUTE_MS))
        )
        row = {"device_id": picture.ids[name], "path": device.path or device.centre, "reasons": reasons}
        _insert(connection, Transition, [row | {"condition": condition, "at": at_ms, "known_at": at_ms + 400}])

    rows: list[dict[str, Any]] = []

    def opened(cause: str, severity: str, ago_min: float, **more: Any) -> str:
        rows.append(_incident(picture, cause, severity, ago_min, **more))
        return str(rows[-1]["id"])

    centre, device = of(3, "call_terminal", 6)
    picture.help_incident = opened("help_call", "emergency", 2.5, centre=centre, device=device)

    centre, device = of(0, "call_terminal", 2)
    picture.silent = f"{device.centre}/{device.device}"
    history: tuple[tuple[float, str, list[str]], ...] = (
        (1300, "ok", []),
        (1020, "degraded", ["mains_lost"]),
        (930, "ok", []),
        (410, "silent", []),
        (380, "ok", []),
    )
    for ago_min, condition, reasons in history:
        becomes(device, condition, ago_min, list(reasons), ago_min)
    becomes(device, "silent", 12, [], 13.5)
    picture.silent_incident = opened(
        "device_silent", "critical", 13.5, centre=centre, device=device, terminals_unwatched=1, told_ago_min=10
    )
    centre, device = of(8, "call_terminal", 3)
    becomes(device, "down", 47, ["unreachable"], 48)
    opened(
        "device_down", "critical", 48, centre=centre, device=device, terminals_unwatched=1, reasons=["unreachable"],
        by="李建国", told_ago_min=45,
    )  # fmt: skip

    centre = centres[11]
    picture.offline_centre = centre.centre
    own = [each for each in centre.devices if not each.path]
    picture.offline_incident = opened(
        "centre_offline", "critical", 95, centre=centre, devices_unwatched=len(own), by="包文华", told_ago_min=92,
        terminals_unwatched=sum(each.kind == "call_terminal" for each in own),
        members=[f"{each.centre}/{each.device}" for each in own],
    )  # fmt: skip
    lost = [each for each in centres if each.township == centres[20].township]
    opened(
        "area_outage", "critical", 31, township=lost[0].township, scope=f"township:{lost[0].township}",
        devices_unwatched=sum(len(each.devices) for each in lost), members=[each.centre for each in lost],
        terminals_unwatched=24 * len(lost), told_ago_min=29,
    )  # fmt: skip
    for each in [centre, *lost]:
        connection.execute(
            Path.__table__.update()  # type: ignore[attr-defined]
            .where(Path.path == each.centre)
            .values(online=False, since=now_ms - (95 if each is centre else 31) * MINUTE_MS)
        )
    together = [each for each in centres[14].devices if each.kind in ("camera", "nvr", "pos_terminal", "site")]
    for device in together:
        becomes(device, "silent", 22, [], 24)
    opened(
        "devices_lost_together", "major", 24, centre=centres[14], devices_unwatched=len(together),
        members=[f"{each.centre}/{each.device}" for each in together],
    )  # fmt: skip
    for number, kind, condition, ago_min, reason in (
        (1, "atm", "down", 210, "dispenser_stopped"), (6, "nvr", "down", 1510, "unreachable"),
        (9, "pos_terminal", "down", 66, "unreachable"), (16, "camera", "down", 4300, "unreachable"),
        (17, "camera", "down", 640, "picture_dead"), (25, "camera", "down", 75, "no_frames"),
    ):  # fmt: skip
        centre, device = of(number, kind)
        becomes(device, condition, ago_min, [reason], ago_min + 1)
        severity = "minor" if kind == "camera" else "major"
        opened("device_down", severity, ago_min + 1, centre=centre, device=device, reasons=[reason])
    centre, device = of(4, "call_terminal", 1)
    picture.degraded = f"{device.centre}/{device.device}"
    becomes(device, "degraded", 260, ["mains_lost"], 260)
    opened("device_degraded", "major", 260, centre=centre, device=device, reasons=["mains_lost"], by="李建国")
    centre, device = of(27, "pos_terminal", 1)
    becomes(device, "degraded", 180, ["paper_low"], 180)
    opened("device_degraded", "minor", 180, centre=centre, device=device, reasons=["paper_low"])
    opened(
        "device_down", "major", 2900, centre=centres[1], device=centres[1].devices[-1], reasons=["unreachable"],
        closed_ago_min=2800, closed_as="by_hand", outcome="unplugged: 打扫卫生时碰掉了插头",
    )  # fmt: skip
    _insert(connection, Incident, rows)
    picture.incidents = sum(row["closed_at"] is None for row in rows)
    picture.waiting = f"{centres[2].centre}/{of(2, 'water_pump')[1].device}"
    _timeline(connection, picture)
    _beside(connection, picture)


def _incident(
    picture: Picture,
    cause: str,
    severity: str,
    ago_min: float,
    *,
    centre: SimCentre | None = None,
    device: SimDevice | None = None,
    by: str = "",
    told_ago_min: float | None = None,
    closed_ago_min: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    now_ms = picture.now_ms
    since = now_ms - round(ago_min * MINUTE_MS)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cause}/{ago_min}/{device.centre if device else ''}/"
                             f"{device.device if device else ''}/{centre.centre if centre else more.get('scope')}")),
        "cause": cause, "severity": severity, "region": "150525",
        "township": centre.township if centre else "", "centre": centre.centre if centre else "",
        "device": device.device if device else "",
        "device_id": picture.ids[f"{device.centre}/{device.device}"] if device else None,
        "scope": "", "reasons": [], "since": since, "opened_at": since + 90_000,
        "tell_at": None if told_ago_min else now_ms + 100_000,
        "told_at": now_ms - round(told_ago_min * MINUTE_MS) if told_ago_min else None,
        "closed_at": now_ms - round(closed_ago_min * MINUTE_MS) if closed_ago_min else None,
        "closed_as": "", "outcome": "", "merged_into": None, "unseen": False, "flapping": False,
        "acknowledged_at": since + 200_000 if by else None, "acknowledged_by": by,
        "devices_unwatched": 1 if device else 0, "terminals_unwatched": 0, "members": [], "state": b"", **more,
    }  # fmt: skip


def _timeline(connection: Connection, picture: Picture) -> None:
    def line(what: str, ago_min: float, **more: Any) -> dict[str, Any]:
        at_ms = picture.now_ms - round(ago_min * MINUTE_MS)
        filled = {"who": "", "text": "", "detail": {}, **more}
        return {"incident_id": picture.silent_incident, "at": at_ms, "what": what, **filled}

    device = picture.silent.partition("/")[2]
    _insert(
        connection,
        TimelineEntry,
        [
            line("opened", 12),
            line("probe_wanted", 11.9),
            line(
                "probed",
                11.7,
                text="timed out",
                detail={"reading": {"device": device, "kind": "call_terminal", "reachable": False}},
            ),
            line("told", 10),
            line("note", 6, who="王秀兰", text="已打电话,没人接。网格员正往老人家走。"),
        ],
    )
    notification = {
        "id": "b4f1c1c2-0000-4000-8000-000000000001",
        "incident_id": picture.silent_incident,
        "type": "opened",
        "severity": "critical",
        "owed_at": picture.now_ms - 10 * MINUTE_MS,
        "body": {},
        "tries": 2,
        "next_try_at": picture.now_ms - 9 * MINUTE_MS,
        "accepted_at": picture.now_ms - 9 * MINUTE_MS,
        "accepted_by": "dingtalk",
    }
    _insert(connection, Notification, [notification])
    tries = (
        ("wecom", 10, False, "200, errcode 45009: reach max api daily quota limit", 312),
        ("dingtalk", 9, True, "200, errcode 0", 187),
    )
    _insert(
        connection,
        Try,
        [
            {
                "notification_id": notification["id"],
                "provider": provider,
                "at": picture.now_ms - ago_min * MINUTE_MS,
                "accepted": accepted,
                "answer": answer,
                "took_ms": took_ms,
            }
            for provider, ago_min, accepted, answer, took_ms in tries
        ],
    )


def _beside(connection: Connection, picture: Picture) -> None:
    now_ms, centres = picture.now_ms, picture.centres
    asides = (
        (centres[4].centre, "call-77", "call_terminal", "unknown_device", "call-77 stands in no fleet file"),
        (centres[9].centre, "robot-1", "robot", "unknown_kind", "there is no kind 'robot'"),
        (centres[6].centre, "pos-02", "pos_terminal", "impossible_value", "latency_ms: -4 is below 0"),
    )
    _insert(
        connection,
        AsideCount,
        [
            {
                "path": path, "device": device, "kind": kind, "reason": reason, "count": 12 + number * 30,
                "first_at": now_ms - 5 * HOUR_MS, "last_at": now_ms - (number + 1) * MINUTE_MS, "detail": detail,
                "text": "{}",
            }
            for number, (path, device, kind, reason, detail) in enumerate(asides)
        ],
    )  # fmt: skip
    _insert(
        connection,
        Maintenance,
        [
            {
                "centre": centres[13].centre, "from_at": now_ms - HOUR_MS, "to_at": now_ms + HOUR_MS,
                "reason": "更换交换机", "who": "李建国",
            }
        ],
    )  # fmt: skip


def _readings(store: ReadingStore, kinds: Kinds, picture: Picture) -> None:
    batch = list(_terminal_readings(kinds, picture))
    for start in range(0, len(batch), 1000):
        assert store.write(batch[start : start + 1000]) == []


def _terminal_readings(kinds: Kinds, picture: Picture) -> Iterator[Stored]:
    make = kinds.types["call_terminal"]
    centre, _, device = picture.silent.partition("/")
    good_ms = picture.now_ms - round(13.5 * MINUTE_MS)
    for step in range(24 * 60):
        taken_ms = good_ms - step * MINUTE_MS
        ago_min = step + 13.5
        if 380 < ago_min < 412:
            continue  # it was silent
        on_battery = 930 < ago_min < 1020
        battery = 98 - (1020 - ago_min) / 4 if on_battery else min(100.0, 87 + step / 60)
        reading = make(
            device=device,
            reachable=True,
            latency_ms=18 + 9 * math.sin(step / 40) ** 2 + (step * 7919 % 13),
            battery_percent=round(max(60.0, battery), 1),
            mains_power=not on_battery,
            registered=True,
            signal_dbm=-71 - (step * 31 % 9),
            tamper=False,
        )
        yield Stored(centre, device, "call_terminal", taken_ms, reading)
