"""What severities, causes and devices are called in Chinese and English where no page's catalogue is at hand: in
notifications and on a terminal.

What leaves the house names nobody: a call terminal's own name is said only where it holds no more than its kind and a
number (`呼叫终端 7`), since people like to make such names from who lives there.
"""

from __future__ import annotations

import re

from shouwang.kinds import Kind

ZH, EN = 0, 1
Words = tuple[str, str]

SEVERITY: dict[str, Words] = {
    "emergency": ("紧急", "EMERGENCY"),
    "critical": ("严重", "Critical"),
    "major": ("重要", "Major"),
    "minor": ("一般", "Minor"),
}
CAUSE: dict[str, Words] = {
    "device_silent": ("失联", "silent"),
    "device_down": ("故障", "down"),
    "device_degraded": ("异常", "degraded"),
    "centre_offline": ("服务中心失联", "Centre offline"),
    "area_outage": ("大面积中断", "Area outage"),
    "collector_deaf": ("监控中心收不到任何上报", "The collector hears nothing"),
    "help_call": ("呼救", "Help call"),
    "devices_lost_together": ("多台设备同时失联（交换机或电源）", "Devices lost together (switch or power)"),
    "feed_offline": ("数据源失联", "Feed offline"),
    "identity_conflict": ("两个采集端使用同一身份", "Two agents under one identity"),
    "cannot_record": ("监控中心无法保存数据", "The collector cannot record"),
    "store_failing": ("读数存储故障", "The store of readings fails"),
}

_NUMBER = re.compile(r"\s*[#-]?\s*(\d{1,4})\s*号?\s*")


def device_called(kind: Kind | None, code: str, own: str, tongue: int) -> str:
    """`呼叫终端 7`, `村口球机 (cam-02)`, or kind and code where a device has no name of its own that may be said.
    `tongue`: ZH or EN."""
    if kind is None:
        return code
    label = (kind.label.zh, kind.label.en)
    if number := _number(own, label):
        return f"{label[tongue]} {number}"
    if own and not kind.is_terminal:
        return f"{own} ({code})"
    return f"{label[tongue]} {code}".strip()


def _number(own: str, label: Words) -> str:
    """What a name says beyond its kind, where that is a number and nothing else; "" otherwise."""
    for each in label:
        if own.startswith(each) and (found := _NUMBER.fullmatch(own[len(each) :])):
            return found[1]
    return ""
