"""The columns of a fleet file by their names, English and Chinese; an unknown one is told with the nearest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

CHINESE: dict[str, tuple[str, ...]] = {
    "region": ("旗县代码", "县代码", "区县代码", "行政区划代码", "区划代码", "旗县", "地区", "区域"),
    "township": ("苏木乡镇代码", "乡镇代码", "苏木代码", "街道代码"),
    "township_name": ("苏木乡镇", "乡镇", "乡镇名称", "苏木乡镇名称", "苏木", "乡镇街道", "所属乡镇"),
    "centre": ("服务中心代码", "中心代码", "村代码", "嘎查村代码", "嘎查代码", "站点代码", "服务中心编号", "中心编号"),
    "centre_name": ("服务中心", "服务中心名称", "中心名称", "嘎查村", "嘎查村名称", "村名", "村名称", "所属村"),
    "centre_type": ("中心类型", "服务中心类型", "站点类型"),
    "centre_stage": ("建设阶段", "中心阶段", "建设状态", "阶段"),
    "latitude": ("纬度", "北纬"),
    "longitude": ("经度", "东经"),
    "path": ("上报通道", "接入平台", "接入方式", "通道", "来源平台", "数据来源"),
    "carrier": ("运营商", "通信运营商"),
    "sim_pool": ("SIM池", "流量池", "卡池", "物联网卡池"),
    "iccid": ("ICCID", "SIM卡号", "物联网卡号", "卡号"),
    "sim_expires_on": ("SIM到期日", "SIM卡到期日", "卡到期日", "SIM到期日期", "流量到期日"),
    "device": ("设备代码", "设备编号", "设备编码", "设备ID", "设备标识"),
    "device_name": ("设备名称", "设备名"),
    "kind": ("设备类型", "设备类别", "设备种类", "类型", "类别", "种类"),
    "room": ("房间", "功能室", "安装位置", "位置", "安装地点"),
    "driver": ("驱动", "协议", "检测方式", "探测方式"),
    "target": ("地址", "目标地址", "设备地址", "IP地址", "目标"),
    "settings": ("驱动设置", "驱动参数", "检测参数", "协议参数"),
    "profile": ("型式", "规格", "配置方案", "接入型式"),
    "household": ("住户", "户主", "户", "家庭", "老人姓名", "服务对象"),
    "owner": ("责任单位", "主管单位", "归属单位"),
    "maintainer": ("运维单位", "维护单位", "运维商"),
    "model": ("型号", "设备型号"),
    "serial": ("序列号", "出厂编号", "设备序列号", "SN"),
    "installed_on": ("安装日期", "安装时间", "投用日期"),
    "warranty_until": ("质保到期", "质保期至", "保修期至", "质保到期日", "保修到期"),
    "report_every_s": ("上报间隔", "上报周期", "上报间隔秒"),
    "silent_after_s": ("失联时限", "失联判定", "失联时限秒"),
    "notify_after_s": ("通知延时", "通知延迟", "通知延时秒"),
}
"""Our names and, for each, what Chinese spreadsheets call it; the first is what an export writes."""

NAMES = tuple(CHINESE)
NEEDED = ("centre", "device", "kind")

_BRACKETS = re.compile(r"[(（\[【].*?[)）\]】]")
_EXTRA = re.compile(r"x_[^\s,;]{1,62}")


def _plain(header: str) -> str:
    """As headers are compared: without units in brackets, spaces, stars of needed columns, case."""
    return re.sub(r"[\s_*＊\-]+", "", _BRACKETS.sub("", header)).casefold()


_KNOWN = {_plain(alias): name for name, aliases in CHINESE.items() for alias in (name, *aliases)}


def resolve(headers: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """(the column's name at each place, empty for a place that is ignored; errors as (header, message))."""
    names: list[str] = []
    errors: list[tuple[str, str]] = []
    for header in headers:
        text = header.strip().lstrip("\ufeff")
        name = ""
        if not text:
            pass  # a column without a header must be empty; the rows say
        elif text.casefold().startswith("x_"):
            name = text.casefold()
            if not _EXTRA.fullmatch(name):
                errors.append((text, "a column of your own is x_ and up to 62 characters without spaces"))
        elif (found := _KNOWN.get(_plain(text))) is not None:
            name = found
        else:
            errors.append((text, f"unknown column; {_nearest(text)}"))
        if name and name in names:
            errors.append((text, f"the column {name} stands twice (first as {headers[names.index(name)]!r}): keep one"))
        names.append(name)
    for needed in NEEDED:
        if needed not in names:
            chinese = CHINESE[needed][0]
            errors.append((needed, f"the needed column {needed} ({chinese}) is missing: add it to the first line"))
    return names, errors


def _nearest(header: str) -> str:
    close = get_close_matches(_plain(header), list(_KNOWN), 1, 0.5)
    if close:
        name = _KNOWN[close[0]]
        return f"the nearest known one is {name} ({CHINESE[name][0]}). To keep a column of your own, name it x_{header}"
    return f"to keep a column of your own, name it x_{header}"
