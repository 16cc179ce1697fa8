"""The table of open incidents, as it stands on several dashboards."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import table

from dashboards import looks, panels
from dashboards.looks import Tongue
from dashboards.panels import Shown
from dashboards.queries import Column, Rest
from shouwang.boards import CENTRE

COLUMNS = [
    Column("severity", "severity"),
    Column("cause", "cause"),
    Column("since", "since", "timestamp"),
    Column("township_name", "township_name"),
    Column("centre_name", "centre_name"),
    Column("device", "device"),
    Column("devices_unwatched", "devices_unwatched", "number"),
    Column("terminals_unwatched", "terminals_unwatched", "number"),
    Column("acknowledgement.who", "who"),
    Column("centre", "centre"),
    Column("id", "id"),
]


def open_incidents(tongue: Tongue, where: Mapping[str, str], *, height: int = 10) -> table.Panel:
    """What is open, gravest and then longest first; each leads to the console's page about it, and to its centre."""
    say = tongue.say
    to_incident = looks.link_to_console(say("Open in the console", "在控制台打开"), "/incidents/${__data.fields.id}")
    to_centre = looks.link_to(say("The centre", "该服务中心"), CENTRE, tongue, [("centre", "centre")])
    return panels.rows(
        say("Open incidents", "未关闭的事件"),
        say(
            "One cause, one incident; the gravest and then the longest first. Nobody is on it where no name stands.",
            "一个原因一个事件；按级别、时长排序。没有名字表示尚无人受理。",
        ),
        Rest("/incidents", COLUMNS, {"open": "true", "limit": "200", **where}),
        [
            Shown(
                "severity", say("Severity", "级别"), looks.severities(tongue), (to_incident,), width=90, coloured=True
            ),
            Shown("cause", say("Cause", "原因"), looks.causes(tongue), (to_incident,)),
            Shown("since", say("Since", "开始"), unit="dateTimeFromNow", width=130),
            Shown("township_name", say("Township", "苏木乡镇")),
            Shown("centre_name", say("Centre", "服务中心"), links=(to_centre,)),
            Shown("device", say("Device", "设备")),
            Shown("devices_unwatched", say("Devices unwatched", "无人看护的设备"), width=100),
            Shown("terminals_unwatched", say("Terminals unwatched", "无保护的呼叫终端"), width=100),
            Shown("who", say("Who is on it", "受理人")),
            Shown("centre", "", hidden=True),
            Shown("id", "", hidden=True),
        ],
        say("Nothing is open", "没有未关闭的事件"),
        height=height,
    )
