"""What `shouwang discover` says, in Chinese and in English."""

from __future__ import annotations

from dataclasses import dataclass, field

_WHY: dict[str, tuple[str, str]] = {
    "onvif": ("自报 ONVIF 设备：{text}", "an ONVIF device: {text}"),
    "rtsp": ("端口 {port} 应答 RTSP {text}", "speaks RTSP on port {port} {text}"),
    "vendors_port": ("开放 {text} 的专用端口", "a port of {text}'s own protocol is open"),
    "recorder": ("名称像录像机", "its name is a recorder's"),
    "recorder_by_rtsp": (
        "像录像机，但不应答 ONVIF：请逐路登记摄像机",
        "perhaps a recorder without ONVIF: enter each camera",
    ),
    "picture_by_rtsp": (
        "要检查画面，请改用 rtsp 并写明码流路径",
        "to have its picture checked take rtsp, with the stream's path",
    ),
    "stream_login": (
        "需要用户名和密码（user、password=secret:名称），并核对路径",
        "wants user and password=secret:NAME; check the stream's path",
    ),
    "stream_path": ("请补上码流路径", "add the stream's path"),
    "xfs4iot": ("应答 XFS4IoT", "speaks XFS4IoT"),
    "sip": ("应答 SIP {text}", "answers SIP {text}"),
    "snmp": ("应答 SNMP（public）：{text}", "answers SNMP (public): {text}"),
    "snmp_ups": ("SNMP 有 UPS 数据（RFC 1628）：{text}", "has the objects of a UPS (RFC 1628): {text}"),
    "snmp_router": ("SNMP 表明它转发报文：{text}", "forwards packets, as SNMP says: {text}"),
    "gateway": ("本机的默认网关", "this machine's own way out goes by it"),
    "igd": ("UPnP 自报互联网网关", "an internet gateway, as UPnP says"),
    "called_router": ("名称像路由器：{text}", "its name is a router's: {text}"),
    "modbus": ("应答 Modbus {text}", "answers Modbus {text}"),
    "registers": ("请在 settings 写明寄存器 registers", "say its registers in settings"),
    "page": ("有网页：{text}；请确认属于哪类设备", "has a page: {text}; which kind is it?"),
    "nut": ("NUT 服务器上的 UPS：{text}", "a UPS on a NUT server: {text}"),
    "nut_server": ("NUT 服务器", "a NUT server"),
    "pbx": ("SIP 交换机：{text}", "a SIP exchange: {text}"),
    "printer": ("打印机", "a printer"),
    "broker": (
        "MQTT 服务器；其上的按钮用 mqtt 驱动登记",
        "an MQTT broker; buttons on it are entered by the driver mqtt",
    ),
    "says": ("{protocol} 自报：{text}", "says by {protocol}: {text}"),
    "ports": ("开放端口：{text}", "open ports: {text}"),
    "there": ("在线，但不应答任何已知协议", "is there, and speaks nothing that is known here"),
}
TEXTS: dict[str, dict[str, str]] = {
    "zh": {
        "address": "地址",
        "kind": "设备类型",
        "name": "设备代码",
        "driver": "驱动",
        "target": "目标",
        "confidence": "把握",
        "why": "依据",
        "high": "高",
        "medium": "中",
        "low": "低",
        "known": "已登记为 {name}",
        "none": "—",
        "found": "找到 {there} 个地址，建议登记 {proposed} 台设备",
        "cut": "提前结束：以下是到目前为止找到的",
        "nobody": "没有找到任何设备",
        "mute": "另有 {count} 个地址在线，但不应答任何已知协议：{shown}",
        "addresses": "查找地址",
        "ports": "检查端口",
        "services": "识别设备",
        "added": "{file}：新增 {count} 行，请核对后再导入",
        "would": "{file}：将新增 {count} 行",
        "nothing": "{file}：没有可新增的设备",
    },
    "en": {
        "address": "ADDRESS",
        "kind": "KIND",
        "name": "DEVICE",
        "driver": "DRIVER",
        "target": "TARGET",
        "confidence": "SURE",
        "why": "WHY",
        "high": "high",
        "medium": "medium",
        "low": "low",
        "known": "in the file as {name}",
        "none": "-",
        "found": "{there} addresses answer, {proposed} devices proposed",
        "cut": "ended early: this is what was found so far",
        "nobody": "nobody was found",
        "mute": "{count} more are there, and speak nothing that is known here: {shown}",
        "addresses": "addresses",
        "ports": "ports",
        "services": "services",
        "added": "{file}: {count} rows added; review them before the import",
        "would": "{file}: {count} rows would be added",
        "nothing": "{file}: no device to add",
    },
}


@dataclass(frozen=True, slots=True)
class Why:
    """A reason, by its code."""

    code: str
    values: dict[str, str | int] = field(default_factory=dict)

    def words(self) -> dict[str, str]:
        """In both languages."""
        zh, en = (each.format_map(self.values).strip(" ：:") for each in _WHY[self.code])
        return {"zh": zh, "en": en}
