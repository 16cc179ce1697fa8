"""The fleet: what is in trouble now, by township and net."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, dashboard, stat, table

from dashboards import looks, panels
from dashboards.boards.frame import frame, township
from dashboards.boards.incidents import open_incidents
from dashboards.looks import Tongue
from dashboards.panels import Shown
from dashboards.queries import LIMIT, WITHIN, Column, Rest
from shouwang.boards import FLEET, MONITOR

WHERE = {"township": "${township:csv}"}
NONE_IS_GOOD = ((None, "green"), (1.0, "red"))
COUNTED = ("down", "silent", "degraded", "unknown", "maintenance")


def fleet(tongue: Tongue) -> dashboard.Dashboard:
    """What is in trouble now? Fit for a wall (`?kiosk`)."""
    say = tongue.say
    board = frame(
        FLEET,
        say("Fleet", "全旗"),
        say("What is in trouble now, and where?", "现在哪里有问题？"),
        tongue,
        hours=24,
        refresh="30s",
    ).with_variable(township(tongue))
    board = board.with_row(dashboard.Row(say("Now", "现在")))
    for each in _now(tongue):
        board = board.with_panel(each)
    board = board.with_panel(open_incidents(tongue, WHERE, height=9))
    board = board.with_row(dashboard.Row(say("By township and by net", "按苏木乡镇和五张网")))
    board = board.with_panel(_counts(tongue, "township", say("Townships", "苏木乡镇")))
    board = board.with_panel(_counts(tongue, "net", say("Nets", "五张网")))
    board = board.with_row(dashboard.Row(say("Over time", "历史")))
    board = board.with_panel(
        panels.timeline(
            say("Townships: the gravest open incident", "各苏木乡镇：当时最严重的未关闭事件"),
            say("From the ledger: what was open when, a row a township.", "来自台账：每个苏木乡镇一行。"),
            Rest(
                "/timeline/incidents",
                [Column("at", "Time", "timestamp"), Column("name", "township"), Column("code", "severity", "number")],
                {"by": "township", **WHERE, **WITHIN},
                series=True,
            ),
            looks.severities(tongue),
            "township",
            tongue,
            bridged=True,
        )
    )
    board = board.with_panel(_availability(tongue, "township", say("Availability by township", "各苏木乡镇可用率")))
    return board.with_panel(_availability(tongue, "net", say("Availability by net", "五张网可用率")))


def _now(tongue: Tongue) -> list[stat.Panel]:
    say = tongue.say

    def count(title: str, about: str, selector: str, good: bool = True, **more: object) -> stat.Panel:
        steps = NONE_IS_GOOD if good else ((None, "text"), (1.0, "blue"))
        target = Rest("/summary", [Column(selector, title, "number")], WHERE, root="")
        return panels.figure(title, about, target, steps=steps, span=3, **more)  # type: ignore[arg-type]

    deaf = Rest("/summary", [Column("deaf", "deaf", "boolean")], WHERE, root="")
    words = {"false": say("hears", "正常接收"), "true": say("deaf", "收不到")}
    to_monitor = looks.link_to(say("The monitor itself", "监控系统自身"), MONITOR, tongue)
    return [
        count(
            say("Terminals unwatched", "无保护的呼叫终端"),
            say("Elderly people's terminals that nobody can hear now.", "现在听不到的老人呼叫终端。"),
            "terminals.unwatched",
        ),
        count(say("Emergencies", "紧急事件"), say("Open help calls.", "未关闭的呼救。"), "incidents.emergency"),
        count(
            say("Critical incidents", "严重事件"),
            say("Open, told at once.", "未关闭，立即通知。"),
            "incidents.critical",
        ),
        count(
            say("Nobody is on it", "尚无人受理"),
            say("Open incidents that nobody has acknowledged.", "未关闭且无人受理的事件。"),
            "incidents.unacknowledged",
        ),
        count(say("Down", "故障"), say("Their agent says so.", "采集端报告故障。"), "devices.down"),
        count(
            say("Silent", "失联"),
            say("Nothing heard of them within their limit.", "超过时限无消息。"),
            "devices.silent",
        ),
        count(
            say("Centres offline", "离线的服务中心"),
            say("Their agent is not heard, so neither are their devices.", "采集端失联，其设备状态未知。"),
            "centres.offline",
        ),
        panels.figure(
            say("The collector", "接收状态"),
            say("Whether it hears. While it does not, nothing else here is news.", "收不到时，本页其余内容不是最新。"),
            deaf,
            steps=((None, "green"),),
            span=3,
            no_value=tongue.nothing_heard,
            mappings=looks.truths(words, good="false"),
            links=(to_monitor,),
            words=True,
        ),
    ]


def _counts(tongue: Tongue, by: str, title: str) -> table.Panel:
    say = tongue.say
    conditions = {name: tongue.say(en, zh) for name, (en, zh, _) in looks.CONDITIONS.items()}
    columns = [
        Column("name" if by == "township" else "key", "name"),
        Column("key", "key"),
        Column("total", "total", "number"),
    ]
    columns += [Column(name, name, "number") for name in COUNTED]
    columns += [Column("terminals_unwatched", "terminals_unwatched", "number")]
    here = dashboard.DashboardLink(say("Only this one", "只看这里")).url(
        "/d/${__dashboard.uid}?${__url_time_range}&var-township=${__data.fields.key:percentencode}"
    )
    mappings = looks.nets(tongue) if by == "net" else []
    return panels.rows(
        title,
        say("How its devices are now.", "其设备现在的状态。"),
        Rest("/counts", columns, {"by": by, "limit": LIMIT, **WHERE}),
        [
            Shown("name", title, mappings, (here,) if by == "township" else ()),
            Shown("key", "", hidden=True),
            Shown("total", say("Devices", "设备数")),
            *(Shown(name, conditions[name]) for name in COUNTED),
            Shown("terminals_unwatched", say("Terminals unwatched", "无保护的呼叫终端")),
        ],
        say("No devices", "没有设备"),
        span=12,
        height=10,
        greatest_first=say("Terminals unwatched", "无保护的呼叫终端"),
    )


def _availability(tongue: Tongue, by: str, title: str) -> bargauge.Panel:
    return panels.shares(
        title,
        tongue.say(
            "Share of the time in which its devices were ok, from the ledger, by time.",
            "按时间统计，来自台账：设备处于“正常”的时间占比。",
        ),
        Rest(
            "/availability",
            [Column("name" if by == "township" else "key", "name"), Column("percent.ok", "ok", "number")],
            {"by": by, "limit": LIMIT, **WHERE, **WITHIN},
        ),
        tongue.nothing_heard,
    )
