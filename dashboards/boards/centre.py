"""One centre: its devices, its power, uplink and clock, and what waits in its agent's outbox."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import dashboard, stat

from dashboards import flux, looks, panels
from dashboards.boards import devices, readings
from dashboards.boards.frame import centre as centre_variable
from dashboards.boards.frame import frame
from dashboards.boards.incidents import open_incidents
from dashboards.looks import Tongue
from dashboards.queries import Column, Rest
from shouwang.boards import CENTRE, board_of_kind, board_uid
from shouwang.kinds import Kind

SITE = "site"
OF_SITE = (
    "mains_power",
    "router_link",
    "ups_battery_percent",
    "ups_runtime_s",
    "uplink_rtt_ms",
    "uplink_loss_percent",
    "clock_offset_ms",
    "outbox_pending",
    "box_temperature_c",
    "disk_free_percent",
)
HERE = {"centre": "${centre:raw}"}


def centre(tongue: Tongue, kinds: Mapping[str, Kind]) -> dashboard.Dashboard:
    """What is wrong at this centre, and is it the centre itself?"""
    say = tongue.say
    board = frame(
        CENTRE,
        say("Centre", "服务中心"),
        say(
            "What is wrong at this centre, and is it the centre itself?",
            "这个服务中心哪里有问题？是否是中心自身的问题？",
        ),
        tongue,
        hours=24,
        refresh="30s",
    ).with_variable(centre_variable(tongue))
    board = board.with_row(dashboard.Row(say("Now", "现在")))
    for each in _now(tongue):
        board = board.with_panel(each)
    board = board.with_panel(open_incidents(tongue, HERE, height=6))
    board = board.with_panel(devices.now(tongue, kinds, HERE, (_to_kind(tongue),), height=10))
    board = board.with_panel(devices.conditions(tongue, HERE, height=14))
    site = kinds.get(SITE)
    if site is not None:
        board = board.with_row(dashboard.Row(say("Power, uplink, clock and outbox", "供电、上行、时钟与待上报")))
        fields = [name for name in OF_SITE if name in site.fields]
        to_site = looks.link_to(tongue.of(site.label), board_of_kind(SITE), tongue, [("centre", "$centre")])
        for panel in readings.of_fields(site, fields, tongue, where=flux.OF_CENTRE, links=(to_site,)):
            board = board.with_panel(panel)
    board = board.with_row(dashboard.Row(say("Over time", "历史")))
    return board.with_panel(devices.availability(tongue, HERE, height=16))


def _now(tongue: Tongue) -> list[stat.Panel]:
    say = tongue.say
    path = "/centres/${centre:raw}"
    state = Rest(path, [Column("condition", "condition")], root="")
    since = Rest(path, [Column("since", "since", "timestamp")], root="")
    version = Rest(path, [Column("agent_version", "agent_version")], root="")
    lost = Rest(path, [Column("lost_readings", "lost_readings", "number")], root="")
    page = looks.link_to_console(say("Open in the console", "在控制台打开"), "/centres/${centre:raw}")
    figures = [
        panels.figure(
            say("Its agent", "采集端"),
            say("Whether its agent is heard.", "采集端是否在线。"),
            state,
            no_value=tongue.nothing_heard,
            mappings=looks.path_states(tongue),
            links=(page,),
            words=True,
        ),
        panels.figure(
            say("Since", "开始"),
            say("Since when that is so.", "从何时起。"),
            since,
            unit="dateTimeFromNow",
            no_value=tongue.nothing_heard,
            words=True,
        ),
    ]
    for name, en, zh in (("down", "Down", "故障"), ("silent", "Silent", "失联"), ("unknown", "Unknown", "状态未知")):
        target = Rest(path, [Column(f"devices.{name}", name, "number")], root="")
        figures.append(
            panels.figure(
                say(en, zh),
                say("Devices of this centre.", "本中心的设备。"),
                target,
                steps=((None, "green"), (1.0, "red" if name != "unknown" else "yellow")),
                span=3,
            )
        )
    figures.append(
        panels.figure(
            say("Agent's version", "采集端版本"),
            say("What it runs.", "运行的版本。"),
            version,
            span=4,
            no_value=tongue.nothing_heard,
            words=True,
        )
    )
    figures.append(
        panels.figure(
            say("Readings lost", "丢失的读数"),
            say("Its outbox was full: so many were dropped, and said to be.", "待上报队列已满而丢弃的读数。"),
            lost,
            steps=((None, "green"), (1.0, "yellow")),
            span=3,
        )
    )
    return figures


def _to_kind(tongue: Tongue) -> dashboard.DashboardLink:
    """A row of the devices leads to the dashboard of its kind."""
    address = f"/d/{board_uid(board_of_kind('${__data.fields.kind}'), tongue.code)}?${{__url_time_range}}"
    chosen = "&".join(f"var-{name}=${{__data.fields.{name}:percentencode}}" for name in ("centre", "device"))
    return dashboard.DashboardLink(tongue.say("Its readings", "读数")).url(f"{address}&{chosen}")
