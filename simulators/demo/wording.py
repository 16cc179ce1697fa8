"""What the demo's lines say of incidents and processes, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shouwang.called import CAUSE, EN, SEVERITY, ZH, Words, device_called
from shouwang.kinds import Kind

_PROCESSES: dict[str, Words] = {
    "broker": ("消息服务器", "broker"),
    "collector": ("采集器", "collector"),
    "recorder": ("读数记录", "recorder"),
    "api": ("控制台", "console"),
    "simulation": ("模拟", "simulation"),
    "devices": ("实装设备", "simulator of installed devices"),
    "agent": ("采集代理", "agent"),
}
_HAPPENED: dict[str, Words] = {
    "ended": ("已结束", "has ended"),
    "hung": ("没有反应，将强制结束", "does not answer and is killed"),
}


def incident_said(incident: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Words:
    """`严重：大沁他拉镇 北老柜村 呼叫终端 1 失联`. `incident` is as REST gives it."""
    zh, en = (_incident(incident, kinds, tongue) for tongue in (ZH, EN))
    return zh, en


def process_said(name: str, what: str) -> Words:
    """`采集器已结束`."""
    who = _PROCESSES.get(name, (name, name))
    happened = _HAPPENED.get(what, (what, what))
    return f"{who[ZH]}{happened[ZH]}", f"the {who[EN]} {happened[EN]}"


def _incident(incident: Mapping[str, Any], kinds: Mapping[str, Kind], tongue: int) -> str:
    severity = SEVERITY.get(str(incident.get("severity")), ("", ""))[tongue]
    cause = str(incident.get("cause") or "")
    said = CAUSE.get(cause, (cause, cause))[tongue]
    code = str(incident.get("device") or "")
    kind = kinds.get(str(incident.get("kind")))
    device = device_called(kind, code, str(incident.get("device_name") or ""), tongue) if code else ""
    place = (incident.get("township_name"), incident.get("centre_name") or incident.get("centre"))
    words = " ".join(str(each) for each in (*place, device, said) if each)
    return f"{severity}{'：' if tongue == ZH else ': '}{words}"
