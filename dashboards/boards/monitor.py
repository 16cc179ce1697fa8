"""The monitor itself: does it hear, does it keep up, and does it tell?"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, timeseries

from dashboards import flux, looks, panels
from dashboards.boards.frame import frame
from dashboards.looks import Tongue
from dashboards.panels import Shown
from dashboards.queries import LIMIT, WITHIN, Column, Flux, Rest
from shouwang import signs
from shouwang.boards import MONITOR

STEP = "1m"


def monitor(tongue: Tongue) -> dashboard.Dashboard:
    """Does it hear, does it keep up, and does it tell?"""
    say = tongue.say
    board = frame(
        MONITOR,
        say("The monitor itself", "监控系统自身"),
        say("Does it hear, does it keep up, and does it tell?", "它收得到吗？跟得上吗？通知出去了吗？"),
        tongue,
        hours=6,
        refresh="30s",
    )
    hears = {"false": say("hears", "正常接收"), "true": say("deaf", "收不到")}
    nothing = tongue.nothing_heard
    board = board.with_row(dashboard.Row(say("Now", "现在")))
    board = board.with_panel(
        panels.figure(
            say("The collector", "接收状态"),
            say(
                "From the ledger. Deaf: it has no broker, or does not run.",
                "来自台账。收不到：没有消息代理，或未运行。",
            ),
            Rest("/summary", [Column("deaf", "deaf", "boolean")], root=""),
            steps=((None, "green"),),
            no_value=nothing,
            mappings=looks.truths(hears, good="false"),
            words=True,
        )
    )
    for title, about, field, unit, steps in (
        (
            say("Notifications owed", "未送达的通知"),
            say("Nobody has accepted them yet.", "尚无渠道接受。"),
            "owed",
            "none",
            ((None, "green"), (1.0, "yellow"), (10.0, "red")),
        ),
        (
            say("The oldest of them", "其中最久的"),
            say("For how long it is owed.", "已欠多久。"),
            "owed_oldest_s",
            "s",
            ((None, "green"), (60.0, "yellow"), (300.0, "red")),
        ),
        (
            say("Behind the journal", "落后于日志"),
            say("How old the oldest reading is that is not in InfluxDB yet.", "尚未写入 InfluxDB 的最旧读数的时长。"),
            "lag_s",
            "s",
            ((None, "green"), (30.0, "yellow"), (300.0, "red")),
        ),
        (
            say("Rows waiting", "待写入的行"),
            say("Rows of the journal that are not in InfluxDB yet.", "日志中尚未写入 InfluxDB 的行。"),
            "lag_rows",
            "none",
            ((None, "green"), (10_000.0, "yellow")),
        ),
        (
            say("Open incidents", "未关闭的事件"),
            say("As the recorder noted them last.", "记录器最近一次所记。"),
            "incidents_open",
            "none",
            ((None, "text"),),
        ),
    ):
        board = board.with_panel(
            panels.figure(title, about, Flux(_last(field)), steps=steps, unit=unit, no_value=nothing)
        )
    board = board.with_row(dashboard.Row(say("Over time", "历史")))
    board = board.with_panel(
        panels.graph(
            say("Readings taken", "读数数量"),
            say("How many readings a step, by kind, by when they were taken.", "每步每类的读数数量，按采集时间。"),
            [Flux(flux.heard())],
            unit="short",
            no_value=nothing,
            label="${__field.labels.kind}",
            lowest=0,
        )
    )
    board = board.with_panel(
        panels.graph(
            say("From limit to incident", "从超限到判定"),
            say(
                "How long after a device's limit the watch had judged it, one point a transition.",
                "设备超过时限后多久作出判定，每次一个点。",
            ),
            [
                Rest(
                    "/delays",
                    [Column("at", "Time", "timestamp"), Column("delay_s", "delay", "number")],
                    {"limit": LIMIT, **WITHIN},
                )
            ],
            unit="s",
            no_value=say("Nothing was judged", "没有判定"),
            label=say("delay", "延迟"),
            lowest=0,
            steps=((None, "green"), (1.0, "yellow"), (5.0, "red")),
        )
    )
    board = board.with_panel(_course(say("Behind the journal", "落后于日志"), "lag_s", "s", nothing, tongue))
    board = board.with_panel(_course(say("Notifications owed", "未送达的通知"), "owed", "short", nothing, tongue))
    board = board.with_panel(
        panels.timeline(
            say("Deafness", "接收状态历史"),
            say("As the recorder noted it; grey: it noted nothing.", "记录器所记；灰色表示没有记录。"),
            Flux(_deafness()),
            looks.truths(hears, good="false"),
            "what",
            tongue,
            height=4,
            interval=STEP,
        )
    )
    return board.with_panel(
        panels.rows(
            say("Set aside", "搁置的消息"),
            say("Messages that were not understood, and why; the latest first.", "无法理解的消息及原因；最近的在前。"),
            Rest(
                "/asides",
                [
                    Column("last_at", "last_at", "timestamp"),
                    Column("reason", "reason"),
                    Column("count", "count", "number"),
                    Column("path", "path"),
                    Column("device", "device"),
                    Column("detail", "detail"),
                ],
                {"limit": "100"},
            ),
            [
                Shown("last_at", say("Last", "最近"), unit="dateTimeFromNow", width=140),
                Shown("reason", say("Reason", "原因")),
                Shown("count", say("How often", "次数"), width=90),
                Shown("path", say("Centre or feed", "服务中心或数据源")),
                Shown("device", say("Device", "设备")),
                Shown("detail", say("Detail", "详情")),
            ],
            say("Nothing was set aside", "没有搁置的消息"),
            height=7,
        )
    )


def _signs(field: str) -> str:
    return f"""from(bucket: {flux.BUCKET})
  |> range(start: {flux.START}, stop: {flux.STOP})
  |> filter(fn: (r) => r._measurement == {flux.quoted(signs.MONITOR)} and r._field == {flux.quoted(field)})"""


def _last(field: str) -> str:
    return flux.with_imports(f"""
{_signs(field)}
  |> last()
  |> keep(columns: ["_time", "_value", "_field"])
""")


def _course(title: str, field: str, unit: str, nothing: str, tongue: Tongue) -> timeseries.Panel:
    query = flux.with_imports(f"""
{_signs(field)}
  |> aggregateWindow(every: v.windowPeriod, fn: max, createEmpty: true, timeSrc: "_start")
  |> keep(columns: ["_time", "_value", "_field"])
""")
    about = tongue.say("The greatest in each step, as the recorder noted it.", "每步的最大值，由记录器所记。")
    return panels.graph(title, about, [Flux(query)], unit=unit, no_value=nothing, label=title, lowest=0)


def _deafness() -> str:
    return flux.with_imports(f"""
{_signs("deaf")}
  |> toString()
  |> aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: true, timeSrc: "_start")
  |> keep(columns: ["_time", "_value", "_field"])
  |> set(key: "what", value: "collector")
""")
