"""What every dashboard has: its name, time, links to the others, and the variables that they share."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from dashboards.looks import Tongue
from dashboards.queries import LEDGER, LIMIT, rest_variable
from shouwang.boards import board_uid

TAG = "shouwang"
EVERYWHERE = "*"
"""REST takes it for any township."""


def frame(name: str, title: str, question: str, tongue: Tongue, *, hours: int, refresh: str) -> dashboard.Dashboard:
    """An empty dashboard that answers one `question`, over the last `hours`."""
    return (
        dashboard.Dashboard(title)
        .uid(board_uid(name, tongue.code))
        .description(question)
        .tags([TAG, f"{TAG}-{tongue.code}"])
        .time(f"now-{hours}h", "now")
        .refresh(refresh)
        .timezone("browser")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink(tongue.say("Other dashboards", "其他看板"))
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags([f"{TAG}-{tongue.code}"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            dashboard.DashboardLink(tongue.say("Console", "控制台"))
            .type(model.DashboardLinkType.LINK)
            .icon("external link")
            .url("${console}")
            .target_blank(True)
        )
        .with_variable(console(tongue))
    )


def _variable(name: str, label: str, query: dict[str, object]) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(LEDGER)
        .query(query)
        .refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(model.VariableSort.DISABLED)
    )


def console(tongue: Tongue) -> dashboard.QueryVariable:
    """Where the console is, as people reach it: REST knows."""
    query = rest_variable("/house", "public_url", "public_url", {}, root="")
    return _variable("console", tongue.say("Console", "控制台"), query).hide(model.VariableHide.HIDE_VARIABLE)


def township(tongue: Tongue) -> dashboard.QueryVariable:
    """One township, several, or all."""
    query = rest_variable("/counts", "name", "key", {"by": "township", "limit": LIMIT})
    everywhere = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        _variable("township", tongue.say("Township", "苏木乡镇"), query)
        .multi(True)
        .include_all(True)
        .all_value(EVERYWHERE)
        .current(everywhere)
    )


def centre(tongue: Tongue, *, of_kind: str = "") -> dashboard.QueryVariable:
    """One centre; `of_kind`: only such as have devices of that kind."""
    query = rest_variable("/counts", "name", "key", {"by": "centre", "kind": of_kind, "limit": LIMIT})
    return _variable("centre", tongue.say("Centre", "服务中心"), query)


def device(tongue: Tongue, kind: str) -> dashboard.QueryVariable:
    """Devices of the kind in the centre chosen: one, several, or all of them, which then are named one by one."""
    query = rest_variable("/devices", "device", "device", {"centre": "${centre:raw}", "kind": kind, "limit": LIMIT})
    every = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return _variable("device", tongue.say("Device", "设备"), query).multi(True).include_all(True).current(every)
