"""What people read of an incident, in Chinese and English: what, where, since when, and whom it leaves unwatched.

These texts go to chat robots and mailboxes of others. So they carry centre, device and counts, and never a household's
name: see `shouwang.called` for what a call terminal is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shouwang import clock
from shouwang import kinds as declared
from shouwang.called import CAUSE, EN, SEVERITY, ZH, Words, device_called
from shouwang.kinds import Kinds
from shouwang.vocabulary import NotificationType

MEMBERS_NAMED = 8
NAME_CHARS_MAX = 60
OLD_CALL_MS = 120_000
"""A help call that took longer than this to reach us is told with its age."""

_TYPE = {
    NotificationType.OPENED: ("", ""),
    NotificationType.UPDATED: ("范围扩大：", "Grew: "),
    NotificationType.MERGED: ("已并入同一原因：", "Merged into a common cause: "),
    NotificationType.ESCALATED: ("升级：", "Escalated: "),
    NotificationType.ACKNOWLEDGED: ("已受理：", "Acknowledged: "),
    NotificationType.CLOSED: ("已结束：", "Closed: "),
}
_CLOSED_AS = {
    "recovered": ("已恢复正常", "recovered"),
    "merged": ("已并入同一原因", "merged into a common cause"),
    "by_hand": ("人工结束", "closed by hand"),
    "retired": ("设备已停用", "device retired"),
}
_SCOPE = {
    "township": ("苏木乡镇 {}", "township {}"),
    "mains": ("苏木乡镇 {}", "township {}"),
    "carrier": ("运营商 {}", "carrier {}"),
    "sim_pool": ("SIM 池 {}", "SIM pool {}"),
    "region": ("全旗 {}", "whole region {}"),
}
_POWER_CUT = ("停电，设备靠电池运行", "Power cut, devices run on their batteries")


def words(
    incident: Mapping[str, Any],
    type: NotificationType,  # noqa: A002
    kinds: Kinds | None = None,
    called: Mapping[str, Words] | None = None,
) -> dict[str, str]:
    """`{"zh": …, "en": …}`, a few lines each, of an incident as REST gives it. Times are those of Asia/Shanghai.
    `called`: names of its members, in Chinese and English; those that are missing go by their codes.

    Shapes that are missing or new to us shorten the text; they never raise.
    """
    return {
        "zh": "\n".join(_lines(incident, NotificationType(type), kinds, called or {}, ZH)),
        "en": "\n".join(_lines(incident, NotificationType(type), kinds, called or {}, EN)),
    }


def title(text: str) -> str:
    """The first line of a text: the subject of a mail."""
    return text.split("\n", 1)[0]


def _lines(
    incident: Mapping[str, Any],
    type_: NotificationType,
    kinds: Kinds | None,
    called: Mapping[str, Words],
    tongue: int,
) -> list[str]:
    severity = SEVERITY.get(str(incident.get("severity")), (str(incident.get("severity") or ""),) * 2)[tongue]
    label = f"【{severity}】" if tongue == ZH else f"[{severity}] "
    what = _headline(incident, kinds, tongue)
    lines = [f"{label}{_TYPE[type_][tongue]}{what}"]
    place = " · ".join(filter(None, (_name(incident.get("township_name")), _centre(incident))))
    lines += [place] if place else []
    lines += _members(incident, called, tongue)
    lines += _unwatched(incident, tongue)
    lines += _reason(incident, tongue)
    lines += _acknowledged(incident, type_, tongue)
    lines += _when(incident, type_, tongue)
    return lines


def _headline(incident: Mapping[str, Any], kinds: Kinds | None, tongue: int) -> str:
    cause = str(incident.get("cause") or "")
    said = CAUSE.get(cause, (cause, cause))[tongue]
    device = _device(incident, kinds, tongue)
    if cause in ("area_outage", "devices_lost_together") and "mains_lost" in (incident.get("reasons") or ()):
        said = _POWER_CUT[tongue]
    if cause == "help_call":
        return f"{said}：{device}" if tongue == ZH else f"{said}: {device}"
    if cause == "area_outage":
        what, _, which = str(incident.get("scope") or "").partition(":")
        which = _name(incident.get("township_name") if what in ("township", "mains") else "") or _name(which)
        of = _SCOPE.get(what, ("{}", "{}"))[tongue].format(which).strip()
        return f"{said}：{of}" if tongue == ZH else f"{said}: {of}"
    return f"{device} {said}" if device else said


def _device(incident: Mapping[str, Any], kinds: Kinds | None, tongue: int) -> str:
    code = _name(incident.get("device"))
    if not code:
        return ""
    kind_name = str(incident.get("kind") or "")
    known = declared.load() if kinds is None else kinds
    found = known[kind_name] if kind_name in known else None  # noqa: SIM401 -- Kinds has no get
    return device_called(found, code, _name(incident.get("device_name")), tongue)


def _centre(incident: Mapping[str, Any]) -> str:
    return _name(incident.get("centre_name")) or _name(incident.get("centre"))


def _members(incident: Mapping[str, Any], called: Mapping[str, Words], tongue: int) -> list[str]:
    """Which centres an area outage, or which devices a lost switch, names: the first few."""
    members = [str(member) for member in incident.get("members") or []]
    total = int(incident.get("members_total") or len(members))
    if incident.get("cause") not in ("area_outage", "devices_lost_together") or not members:
        return []
    first = [_name(called[member][tongue] if member in called else member) for member in members[:MEMBERS_NAMED]]
    named = ("、" if tongue == ZH else ", ").join(first)
    if total > MEMBERS_NAMED:
        return [f"{named} 等 {total} 处"] if tongue == ZH else [f"{named} and {total - MEMBERS_NAMED} more"]
    return [named]


def _unwatched(incident: Mapping[str, Any], tongue: int) -> list[str]:
    devices = int(incident.get("devices_unwatched") or 0)
    terminals = int(incident.get("terminals_unwatched") or 0)
    if devices <= 1 and incident.get("device"):
        return []
    if not devices and not terminals:
        return []
    if tongue == ZH:
        return [f"{devices} 台设备无人看护，其中老人呼叫终端 {terminals} 台（名单见链接）"]
    return [f"{devices} devices unwatched, {terminals} of them elderly people's terminals (listed behind the link)"]


def _reason(incident: Mapping[str, Any], tongue: int) -> list[str]:
    reason = incident.get("reason")
    text = reason.get("zh" if tongue == ZH else "en") if isinstance(reason, Mapping) else ""
    lines = [_name(text, 200)] if text else []
    if incident.get("unseen"):
        lines.append("最后所知为故障，现无法看到" if tongue == ZH else "Last known out, now unseen")
    if incident.get("flapping"):
        lines.append("时好时坏" if tongue == ZH else "Comes and goes")
    return lines


def _acknowledged(incident: Mapping[str, Any], type_: NotificationType, tongue: int) -> list[str]:
    by = incident.get("acknowledgement")
    who = _name(by.get("who")) if isinstance(by, Mapping) else ""
    if type_ is not NotificationType.ACKNOWLEDGED or not who:
        return []
    return [f"{who} 已受理" if tongue == ZH else f"{who} is on it"]


def _when(incident: Mapping[str, Any], type_: NotificationType, tongue: int) -> list[str]:
    since_ms = _instant(incident.get("since"))
    if since_ms is None:
        return []
    opened_ms = _instant(incident.get("opened_at")) or since_ms
    at = _wall(since_ms, tongue)
    if incident.get("cause") == "help_call":
        line = f"按下时间 {at}" if tongue == ZH else f"Pressed {at}"
        if opened_ms - since_ms > OLD_CALL_MS:
            age = _span(opened_ms - since_ms, tongue)
            line += f"（{age}前，迟到）" if tongue == ZH else f" ({age} before it reached us)"
    else:
        line = f"自 {at}" if tongue == ZH else f"Since {at}"
    closed_ms = _instant(incident.get("closed_at"))
    if type_ is NotificationType.CLOSED and closed_ms is not None:
        lasted = _span(closed_ms - since_ms, tongue)
        how = _CLOSED_AS.get(str(incident.get("closed_as")), ("", ""))[tongue]
        end = _wall(closed_ms, tongue)
        if tongue == ZH:
            line += f"，至 {end}（{lasted}）{'，' + how if how else ''}"
        else:
            line += f", until {end} ({lasted}){', ' + how if how else ''}"
    return [line]


def _wall(instant_ms: int, tongue: int) -> str:
    local = clock.shanghai(instant_ms)
    return f"{local.month}月{local.day}日 {local:%H:%M}" if tongue == ZH else f"{local:%Y-%m-%d %H:%M} (Asia/Shanghai)"


def _span(ms: int, tongue: int) -> str:
    minutes = max(0, ms) // 60_000
    if minutes < 1:
        return f"{max(0, ms) // 1000} 秒" if tongue == ZH else f"{max(0, ms) // 1000} s"
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "天", "d"), (hours, "小时", "h"), (minutes, "分钟", "min"))
    return " ".join(f"{n} {zh if tongue == ZH else en}" for n, zh, en in parts if n)


def _instant(text: object) -> int | None:
    try:
        return clock.parse_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _name(value: object, at_most: int = NAME_CHARS_MAX) -> str:
    """A name as it may stand in one line of somebody else's program."""
    text = " ".join(str(value or "").split())
    text = "".join(character for character in text if character.isprintable())
    return text if len(text) <= at_most else text[: at_most - 1] + "…"
