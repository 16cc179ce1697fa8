"""One dashboard a kind, made from its kind file: how its devices of a centre are, and what they say."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from dashboards import looks
from dashboards.boards import devices, readings
from dashboards.boards.frame import centre, device, frame
from dashboards.looks import Tongue
from shouwang.boards import CENTRE, board_of_kind
from shouwang.kinds import Kind

FIRST = {
    "call_terminal": ("battery_percent", "signal_dbm", "latency_ms"),
    "pos_terminal": ("last_sign_in_age_ms", "latency_ms"),
    "atm": ("device_status", "dispenser", "acceptor"),
    "camera": ("picture", "fps", "bitrate_kbps", "latency_ms"),
    "site": ("mains_power", "ups_battery_percent", "uplink_rtt_ms", "uplink_loss_percent", "clock_offset_ms"),
}
"""What is looked at first, where that is more, or other, than what the kind's rules judge by."""


def of_kind(kind: Kind, tongue: Tongue) -> dashboard.Dashboard:
    """How are these devices, and what do they say? What the kind's rules judge by is open, the rest folded away."""
    say = tongue.say
    label = tongue.of(kind.label)
    board = (
        frame(
            board_of_kind(kind.name),
            label,
            say(f"{label}: how are these devices, and what do they say?", f"{label}：这些设备怎么样，说了什么？"),
            tongue,
            hours=24,
            refresh="1m",
        )
        .with_variable(centre(tongue, of_kind=kind.name))
        .with_variable(device(tongue, kind.name))
    )
    here = {"centre": "${centre:raw}", "kind": kind.name}
    chosen = {**here, "device": "${device:csv}"}
    to_centre = looks.link_to(say("The centre", "该服务中心"), CENTRE, tongue, [("centre", "$centre")])
    board = board.with_row(dashboard.Row(say("How they are", "状态")))
    board = board.with_panel(devices.now(tongue, {kind.name: kind}, here, (to_centre,), height=7))
    board = board.with_panel(devices.conditions(tongue, chosen, height=7))
    board = board.with_panel(devices.availability(tongue, here, height=6))
    first = [name for name in FIRST.get(kind.name, ()) if name in kind.fields]
    shown = [*first, *(name for name in readings.judged(kind) if name not in first)]
    if shown:
        board = board.with_row(dashboard.Row(say("What they say", "读数")))
        board = _pairs(board, kind, shown, tongue)
    board = board.with_row(dashboard.Row(say("Everything they said last", "最近一次读数的全部内容")))
    board = board.with_panel(readings.last_said(kind, tongue))
    others = [name for name in kind.fields if name not in shown]
    more = list(readings.of_fields(kind, others, tongue))
    if more:
        row = dashboard.Row(say("More readings", "更多读数"))
        for panel in more:
            row = row.with_panel(panel)
        board = board.with_row(row)
    return board


def _pairs(board: dashboard.Dashboard, kind: Kind, names: list[str], tongue: Tongue) -> dashboard.Dashboard:
    for panel in readings.of_fields(kind, names, tongue):
        board = board.with_panel(panel)
    return board
