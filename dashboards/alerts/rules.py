"""The alert rules: what each asks, when it fires, for how long first, and what is said then, in both languages.

Each is A, a query of InfluxDB whose rows are what is wrong; B, the last value of a row; C, whether that is too much.
A row's text columns are the alert's labels: one alert a device, a centre, or a trouble of the monitor's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from grafana_foundation_sdk.builders import alerting, expr
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import alerting as models
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.alerts import judging
from dashboards.places import ALERTS, READINGS_UID
from dashboards.queries import Flux
from dashboards.render import checked_in, panels
from shouwang import kinds
from shouwang.boards import FLEET, MONITOR, board_uid
from shouwang.vocabulary import Severity

GROUP = "shouwang"
EVERY_S = 60
EXPRESSION = "__expr__"
"""Grafana's own: what it works out of other answers."""
MARK = ("product", "shouwang")
"""A label of every alert of ours, by which the policy takes them and no others."""
DASHBOARD, PANEL = "__dashboardUid__", "__panelId__"
"""Annotations by which an alert leads to a panel."""
_WORKED_OUT = DataSourceRef(type_val=EXPRESSION, uid=EXPRESSION)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `uid` never changes. It fires where a row's value is `over`, once that has held for `holds_s`.

    `empty`: what it means that there is no row. `reach_s`: how far back the query looks. `board`: where to look.
    """

    uid: str
    title: str
    severity: Severity
    query: Callable[[], str]
    over: float
    holds_s: int
    reach_s: int
    zh: str
    en: str
    empty: Literal["OK", "Alerting"] = "OK"
    board: str = FLEET


def duration(seconds: int) -> str:
    """As Grafana gives it back: `120` is `2m`."""
    return f"{seconds // 60}m" if seconds and seconds % 60 == 0 else f"{seconds}s"


def _terminals() -> str:
    return judging.terminals_silent(tuple(kind for kind in kinds.load().values() if kind.is_terminal))


_MINUTES = '{{ printf "%.0f" $values.B.Value }}'

RULES = (
    Rule(
        "shouwang-help-call",
        "呼救 · Help call",
        Severity.EMERGENCY,
        judging.help_calls,
        over=-1,
        holds_s=0,
        reach_s=judging.CALL_SHOWN_S,
        zh="{{ $labels.centre }} 的 {{ $labels.device }} 呼救，请立即在控制台处理",
        en="{{ $labels.device }} of {{ $labels.centre }} called for help: see to it in the console now",
    ),
    Rule(
        "shouwang-terminal-silent",
        "呼叫终端失联 · Call terminal silent",
        Severity.CRITICAL,
        _terminals,
        over=0,
        holds_s=120,
        reach_s=judging.LOOK_BACK_S,
        zh=f"{{{{ $labels.centre }}}} 的 {{{{ $labels.device }}}} 已 {_MINUTES} 秒没有信号",
        en=f"nothing heard of {{{{ $labels.device }}}} of {{{{ $labels.centre }}}} for {_MINUTES} s",
    ),
    Rule(
        "shouwang-centre-offline",
        "服务中心离线 · Centre offline",
        Severity.CRITICAL,
        judging.centres_offline,
        over=0,
        holds_s=120,
        reach_s=judging.LOOK_BACK_S,
        zh=f"服务中心 {{{{ $labels.centre }}}} 已 {_MINUTES} 秒没有信号，其设备无人看守",
        en=f"nothing heard of centre {{{{ $labels.centre }}}} for {_MINUTES} s; nobody watches its devices",
    ),
    Rule(
        "shouwang-nothing-arrives",
        "没有任何读数 · Nothing arrives",
        Severity.CRITICAL,
        judging.nothing_arrives,
        over=judging.HELD_AFTER_S,
        holds_s=30,
        reach_s=judging.LOOK_BACK_S,
        zh=f"已 {_MINUTES} 秒没有任何设备的读数写入：采集器、消息服务器或 InfluxDB 停止了工作，其他告警暂停判断",
        en=f"no reading of any device was written for {_MINUTES} s: collector, broker or InfluxDB has stopped, and the "
        "rules about devices are held",
        empty="Alerting",
        board=MONITOR,
    ),
    Rule(
        "shouwang-collector-deaf",
        "采集器收不到消息 · Collector deaf",
        Severity.CRITICAL,
        judging.collector_deaf,
        over=0,
        holds_s=60,
        reach_s=600,
        zh="采集器收不到消息，或没有运行：没有人被通知",
        en="the collector does not hear, or does not run: nobody is told of anything",
        board=MONITOR,
    ),
    Rule(
        "shouwang-monitor-unwell",
        "守望自身异常 · Monitor unwell",
        Severity.MAJOR,
        judging.monitor_unwell,
        over=0,
        holds_s=60,
        reach_s=86_400,
        zh=f"守望自身异常：{{{{ $labels.what }}}}，已 {_MINUTES} 秒",
        en=f"the monitor itself is not well: {{{{ $labels.what }}}}, for {_MINUTES} s",
        board=MONITOR,
    ),
)


def plain(built: Any) -> Any:
    """What the SDK built, as the JSON that Grafana's API takes."""
    return json.loads(JSONEncoder().encode(built))


def rule_group() -> dict[str, Any]:
    """All rules, as `PUT …/rule-groups/…` takes them."""
    made = alerting.RuleGroup(GROUP).folder_uid(ALERTS.uid).interval(EVERY_S).rules([_built(rule) for rule in RULES])
    return dict(plain(made.build()))


def leads_to(board: str) -> dict[str, str]:
    """The first panel of a dashboard, in Chinese, as annotations."""
    uid = board_uid(board, "zh")
    made = json.loads(checked_in()[f"zh/{uid}.json"])
    return {DASHBOARD: uid, PANEL: str(next(panel["id"] for panel in panels(made) if panel["type"] != "row"))}


def _built(rule: Rule) -> alerting.Rule:
    return (
        alerting.Rule(rule.title)
        .uid(rule.uid)
        .org_id(1)
        .folder_uid(ALERTS.uid)
        .rule_group(GROUP)
        .condition("C")
        .for_val(duration(rule.holds_s))
        .no_data_state(rule.empty)
        .exec_err_state("Error")
        .is_paused(False)
        .labels({MARK[0]: MARK[1], "severity": rule.severity.value})
        .annotations({"summary": f"{rule.zh} · {rule.en}", **leads_to(rule.board)})
        .queries([_asked(rule), _last(), _over(rule.over)])
    )


def _asked(rule: Rule) -> alerting.Query:
    return (
        alerting.Query("A")
        .datasource_uid(READINGS_UID)
        .query_type("")
        .relative_time_range(models.RelativeTimeRange(rule.reach_s, 0))
        .model(Flux(rule.query()))
    )


def _last() -> alerting.Query:
    settings = expr.ExprTypeReduceSettings().mode("dropNN")
    last = expr.TypeReduce().ref_id("B").datasource(_WORKED_OUT).expression("A").reducer("last").settings(settings)
    return _work_out("B", last)


def _over(limit: float) -> alerting.Query:
    evaluator = expr.ExprTypeThresholdConditionsEvaluator().type("gt").params([limit])
    over = expr.TypeThreshold().ref_id("C").datasource(_WORKED_OUT).expression("B")
    return _work_out("C", over.conditions([expr.ExprTypeThresholdConditions().evaluator(evaluator)]))


def _work_out(ref_id: str, model: Any) -> alerting.Query:
    return (
        alerting.Query(ref_id)
        .datasource_uid(EXPRESSION)
        .query_type("")
        .relative_time_range(models.RelativeTimeRange(0, 0))
        .model(model)
    )
