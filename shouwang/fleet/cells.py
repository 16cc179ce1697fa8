"""What may stand in each column: functions from the text of a cell to its value, raising ValueError with what to do."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from shouwang.fleet import settings
from shouwang.kinds import Kind
from shouwang.topics import DEVICE, NAME
from shouwang.vocabulary import CentreStage, CentreType, Driver, Room

TEXT_MAX = 255
_RUINED = re.compile(r"\d(\.\d+)?[Ee]\+\d+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))(?:[ T]00:00(?::00)?)?")
_USERINFO = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[^/?#]*@", re.IGNORECASE)
_SIP = re.compile(r"sips?:[^:@/]+@[^@]+", re.IGNORECASE)  # a user's address, not a password
_SECONDS_MAX = 366 * 86_400

TYPES = {
    "服务中心": CentreType.CENTRE, "中心": CentreType.CENTRE, "社区服务中心": CentreType.CENTRE,
    "服务站": CentreType.STATION, "站": CentreType.STATION,
    "流动服务车": CentreType.VEHICLE, "服务车": CentreType.VEHICLE, "车": CentreType.VEHICLE,
    "代办员": CentreType.DEPUTY, "代办点": CentreType.DEPUTY,
}  # fmt: skip
STAGES = {
    "规划": CentreStage.PLANNED, "计划": CentreStage.PLANNED, "拟建": CentreStage.PLANNED,
    "在建": CentreStage.BUILDING, "建设中": CentreStage.BUILDING,
    "运行": CentreStage.LIVE, "投用": CentreStage.LIVE, "已投用": CentreStage.LIVE, "已建成": CentreStage.LIVE,
    "在用": CentreStage.LIVE,
    "停用": CentreStage.RETIRED, "撤销": CentreStage.RETIRED, "退役": CentreStage.RETIRED,
}  # fmt: skip
ROOMS = {
    "便民服务大厅": Room.SERVICE_HALL, "服务大厅": Room.SERVICE_HALL, "党员活动室": Room.PARTY_ROOM,
    "远程教育设备室": Room.DISTANCE_EDUCATION, "远程教育室": Room.DISTANCE_EDUCATION, "图书室": Room.LIBRARY,
    "警务室": Room.POLICE_ROOM, "卫生室": Room.CLINIC, "文化活动室": Room.CULTURE_ROOM, "计生室": Room.FAMILY_PLANNING,
    "科普大学": Room.SCIENCE_SCHOOL, "助农金融服务点": Room.FINANCE_POINT, "金融服务点": Room.FINANCE_POINT,
    "幸福院": Room.ELDERLY_HOME, "儿童之家": Room.CHILDRENS_HOME, "日间照料室": Room.DAY_CARE, "便民商店": Room.SHOP,
    "商店": Room.SHOP, "室外广场": Room.SQUARE, "广场": Room.SQUARE, "住户": Room.HOUSEHOLD, "户": Room.HOUSEHOLD,
}  # fmt: skip


def text(value: str) -> str:
    """Any words, on one line."""
    if _CONTROL.search(value):
        raise ValueError(f"{value!r} holds a line break or a control character: write it on one line")
    if len(value) > TEXT_MAX:
        raise ValueError(f"{value[:20]!r}… is {len(value)} characters long, at most {TEXT_MAX}")
    return value


def code(value: str) -> str:
    """Words that a spreadsheet may have taken for a number."""
    if _RUINED.fullmatch(value):
        raise ValueError(
            f"{value!r} was a code that a spreadsheet has turned into a number, and its last digits are lost: "
            "format the column as text, and enter the codes again"
        )
    return text(value)


def place(value: str) -> str:
    """A region's or a feed's name."""
    code(value)
    if not NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not 1 to 32 of a-z, 0-9 and -{_lowered(value)}")
    return value


def centre(value: str) -> str:
    """A centre's name: in most cases the 12-digit village code."""
    code(value)
    if not NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a 12-digit village code or 1 to 32 of a-z, 0-9 and -{_lowered(value)}")
    return value


def device(value: str) -> str:
    """A device's name within its centre."""
    code(value)
    if not DEVICE.fullmatch(value):
        raise ValueError(
            f"{value!r} is not 1 to 32 of a-z, 0-9 and -, beginning with a letter or digit{_lowered(value)}"
        )
    return value


def target(value: str) -> str:
    """An address without a password in it."""
    text(value)
    if _USERINFO.match(value) and not _SIP.fullmatch(value):
        at = value.rindex("@")
        raise ValueError(
            f"'…{value[at : at + 40]}' carries a user name or password before the @: passwords stand only in the "
            "agent's own file, and its settings name them as secret:NAME"
        )
    return value


def latitude(value: str) -> float:
    number = _number(value)
    if not -90 <= number <= 90:
        swapped = " (latitude and longitude changed round?)" if 73 <= number <= 136 else ""
        raise ValueError(f"{value!r} is not between -90 and 90 degrees{swapped}")
    return number


def longitude(value: str) -> float:
    number = _number(value)
    if not -180 <= number <= 180:
        raise ValueError(f"{value!r} is not between -180 and 180 degrees")
    return number


def seconds(value: str) -> float:
    """A time span above zero."""
    number = _number(value)
    if not 0 < number <= _SECONDS_MAX:
        raise ValueError(f"{value!r} is not a number of seconds above 0 and at most {_SECONDS_MAX}")
    return number


def seconds_or_none(value: str) -> float:
    """A time span, which may be zero."""
    number = _number(value)
    if not 0 <= number <= _SECONDS_MAX:
        raise ValueError(f"{value!r} is not a number of seconds from 0 to {_SECONDS_MAX}")
    return number


def day(value: str) -> str:
    """`2026-03-01`, also from 2026/3/1, 2026年3月1日 and 20260301."""
    found = _DATE.fullmatch(value)
    if found is not None:
        year, *rest = found.groups()
        month, day_ = (part for part in rest if part is not None)
        try:
            return date(int(year), int(month), int(day_)).isoformat()
        except ValueError:
            pass  # a day that no calendar has
    raise ValueError(f"{value!r} is not a day: write it as 2026-03-01")


def one_of(what: str, known: Mapping[str, str]) -> Callable[[str], str]:
    """A closed vocabulary; `known` gives for each accepted word what it means."""

    def check(value: str) -> str:
        found = known.get(value) or known.get(value.casefold())
        if found is None:
            close = get_close_matches(value.casefold(), list(known), 1, 0.5)
            nearest = (
                f"the nearest is {known[close[0]]}"
                if close
                else f"it is one of {', '.join(dict.fromkeys(known.values()))}"
            )
            raise ValueError(f"{value!r} is no {what}; {nearest}")
        return found

    return check


def checks(kinds: Mapping[str, Kind]) -> dict[str, Callable[[str], Any]]:
    """For each column how its cell is read; columns that are missing here are plain text."""
    by_word = {name: name for name in kinds}
    by_word.update({kind.label.zh: name for name, kind in kinds.items()})
    by_word.update({kind.label.en.casefold(): name for name, kind in kinds.items()})
    types = {str(each): str(each) for each in CentreType} | {word: str(each) for word, each in TYPES.items()}
    stages = {str(each): str(each) for each in CentreStage} | {word: str(each) for word, each in STAGES.items()}
    rooms = {str(each): str(each) for each in Room} | {word: str(each) for word, each in ROOMS.items()}
    return {
        "region": place,
        "township": code,
        "centre": centre,
        "device": device,
        "kind": one_of("kind of device", by_word),
        "centre_type": one_of("type of centre", types),
        "centre_stage": one_of("stage of a centre", stages),
        "latitude": latitude,
        "longitude": longitude,
        "path": place,
        "iccid": code,
        "sim_expires_on": day,
        "room": one_of("room", rooms),
        "driver": one_of("driver", {str(each): str(each) for each in Driver}),
        "target": target,
        "settings": settings.read,
        "serial": code,
        "installed_on": day,
        "warranty_until": day,
        "report_every_s": seconds,
        "silent_after_s": seconds,
        "notify_after_s": seconds_or_none,
    }


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a number")
    return number


def _lowered(value: str) -> str:
    lower = re.sub(r"[^a-z0-9-]+", "-", value.casefold()).strip("-")[:32]
    return f": {lower!r} would do" if lower and DEVICE.fullmatch(lower) else ""
