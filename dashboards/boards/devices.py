"""What several dashboards show of devices, from the ledger: how they are, how they were, and for which share of the
time they were ok."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import bargauge, dashboard, statetimeline, table

from dashboards import looks, panels
from dashboards.looks import Tongue
from dashboards.panels import Shown
from dashboards.queries import LIMIT, WITHIN, Column, Rest
from shouwang.kinds import Kind

TO_CONSOLE = "/centres/${__data.fields.centre}/devices/${__data.fields.device}"


def now(
    tongue: Tongue, kinds: Mapping[str, Kind], where: Mapping[str, str], links: panels.Links = (), *, height: int = 9
) -> table.Panel:
    """Each device's condition, since when, and why."""
    say = tongue.say
    console = looks.link_to_console(say("Open in the console", "在控制台打开"), TO_CONSOLE)
    columns = [
        Column("condition", "condition"),
        Column("device", "device"),
        Column("kind", "kind_name"),
        Column("kind", "kind"),
        Column("since", "since", "timestamp"),
        Column(f"reason.{tongue.code}", "reason"),
        Column("good_at", "good_at", "timestamp"),
        Column("centre", "centre"),
    ]
    return panels.rows(
        say("Devices now", "设备现状"),
        say(
            "As the ledger has it, the worst first; a click opens the device's page in the console.",
            "来自台账，最严重的在前；点击在控制台打开设备页。",
        ),
        Rest("/devices", columns, {"gravest_first": "true", "limit": LIMIT, **where}),
        [
            Shown("condition", say("Condition", "状态"), looks.conditions(tongue), width=110, coloured=True),
            Shown("device", say("Device", "设备"), links=(console, *links)),
            Shown(
                "kind_name",
                say("Kind", "类型"),
                looks.names({name: tongue.of(kind.label) for name, kind in kinds.items()}),
            ),
            Shown("since", say("Since", "开始"), unit="dateTimeFromNow", width=140),
            Shown("reason", say("Why", "原因")),
            Shown("good_at", say("Last good reading", "最近一次正常读数"), unit="dateTimeAsIso"),
            Shown("kind", "", hidden=True),
            Shown("centre", "", hidden=True),
        ],
        say("No such device", "没有这样的设备"),
        height=height,
    )


def conditions(
    tongue: Tongue, where: Mapping[str, str], links: panels.Links = (), *, height: int = 9
) -> statetimeline.Panel:
    """What each was in the time chosen; `unknown` where its path was not heard, corrected by what was learnt later."""
    say = tongue.say
    columns = [Column("at", "Time", "timestamp"), Column("device", "device"), Column("code", "condition", "number")]
    return panels.timeline(
        say("Conditions", "状态历史"),
        say(
            "From the ledger, a row a device; what was learnt later has corrected it.",
            "来自台账，每台设备一行；后来得知的情况已更正。",
        ),
        Rest("/timeline/devices", columns, {**where, **WITHIN}, series=True),
        looks.conditions(tongue),
        "device",
        tongue,
        bridged=True,
        height=height,
        links=links,
    )


def availability(tongue: Tongue, where: Mapping[str, str], *, span: int = 24, height: int = 8) -> bargauge.Panel:
    """For which share of the time each was ok."""
    say = tongue.say
    columns = [Column("key", "device"), Column("percent.ok", "ok", "number")]
    return panels.shares(
        say("Availability", "可用率"),
        say(
            "Share of the time in which it was ok, from the ledger, by time.",
            "按时间统计，来自台账：“正常”的时间占比。",
        ),
        Rest("/availability", columns, {"by": "device", "limit": LIMIT, **where, **WITHIN}),
        tongue.nothing_heard,
        span=span,
        height=height,
    )


def to_device(tongue: Tongue, board: str) -> dashboard.DashboardLink:
    """From a row of a table to the device's own dashboard."""
    return looks.link_to(
        tongue.say("Its readings", "读数"), board, tongue, [("centre", "centre"), ("device", "device")]
    )
