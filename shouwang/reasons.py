"""Why something could not be done or does not answer: a code with values, said in Chinese and in English.

Agents and the collector give a `Reason` where they know which it is (`Reason("refused")`,
`Reason("no_answer", {"s": 3})`). Text passes as it is (`said`), but where it reads as the English of the catalogue it
is taken for that: so agents that know no codes, and drivers that write plain English, speak Chinese as well. A code
that is new to us is shown with its values.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

TEXT_MAX = 200
VALUES_MAX = 8
SAID = "said"

Value: TypeAlias = Annotated[str, Meta(max_length=TEXT_MAX)] | int | float
Both: TypeAlias = dict[str, str]
"""`{"zh": …, "en": …}`"""

CATALOGUE: dict[str, tuple[str, str]] = {
    # of a network
    "refused": ("连接被拒绝", "connection refused"),
    "reset": ("连接被对方重置", "connection reset by peer"),
    "closed": ("连接被对方关闭", "the connection was closed"),
    "broken": ("连接已断开", "broken pipe"),
    "no_route": ("没有到该主机的路由", "no route to host"),
    "network_unreachable": ("网络不可达", "network is unreachable"),
    "host_down": ("主机不在线", "host is down"),
    "timed_out": ("连接超时", "connection timed out"),
    "no_name": ("域名无法解析", "name or service not known"),
    "name_for_now": ("域名暂时无法解析", "temporary failure in name resolution"),
    "no_address": ("{host} 没有地址", "{host} has no address"),
    "not_permitted": ("没有权限", "operation not permitted"),
    # of time
    "no_answer": ("{s} 秒内无应答", "no answer within {s} s"),
    "no_answer_udp": (
        "{s} 秒内无应答：UDP 端口 {port} 是否放行？",
        "no answer within {s} s: is UDP port {port} let through?",
    ),
    "no_echo": ("{s} 秒内无回音（ping）", "no echo within {s} s"),
    "no_connection": ("{s} 秒内连接不上", "no connection within {s} s"),
    "no_tls_in_time": ("{s} 秒内未建立 TLS", "no TLS within {s} s"),
    # of a protocol
    "status": ("状态码 {status}", "status {status}"),
    "status_text": ("对 {request} 的应答是 {status} {text}", "{request}: {status} {text}"),
    "not_spoken": ("对方不是 {protocol}：{text}", "no {protocol}: {text}"),
    "answered": ("对方的应答是 {text}", "it answered {text}"),
    "login_asked": ("需要用户名和密码：{status} {text}", "it refuses without a user: {status} {text}"),
    "login_refused": ("用户名或密码不被接受：{status} {text}", "it refuses this user: {status} {text}"),
    "login_unknown": ("要求的登录方式采集代理不支持：{text}", "it asks for what the agent cannot do: {text}"),
    "json_unreadable": ("返回的 JSON 无法解析：{text}", "its JSON cannot be read: {text}"),
    "value_is": ("{path} 的值是 {value}", "{path} is {value}"),
    "no_stream": ("描述了视频流，却没有送来：{text}", "it describes its stream and gives none: {text}"),
    "no_frames": ("视频流已打开，但没有画面送来", "its stream is open, and no frame comes"),
    "no_key_frame": ("{s} 秒内没有关键帧，画面未检查", "no key frame within {s} s: its picture could not be looked at"),
    "blur_excused": (
        "画面模糊，因已宣布的天气至 {until} 不计",
        "its picture is blurred, which is excused until {until}",
    ),
    "sent_elsewhere": ("对方要求改连 {where}：不跟随", "it sends elsewhere, to {where}: that is not followed"),
    "no_video": ("其描述中没有视频", "its description names no video"),
    "answer_unreadable": ("应答无法解析：{text}", "its answer cannot be read: {text}"),
    "clock_not_known": ("对方自己的时钟未同步", "it does not know the time itself (not synchronised)"),
    "clock_uncertain": ("对方的时间自己也有 {ms} 毫秒的误差", "it is itself uncertain by {ms} ms"),
    "snmp_silent": (
        "{s} 秒内无应答（UDP 端口 {port}）：团体名不对时设备也不应答",
        "no answer within {s} s on UDP port {port}: a wrong community is answered by silence, too",
    ),
    "snmp3_silent": (
        "{s} 秒内无应答（UDP 端口 {port}）：用户名是否正确，设备是否启用了 SNMPv3？",
        "no answer within {s} s on UDP port {port}: is the user right, and the device's SNMPv3 switched on?",
    ),
    "snmp_refused": ("设备不接受该用户或密码（{text}）", "it refuses the user or password ({text})"),
    "snmp_priv": (
        "设备报出自己的标识后不再应答：priv_password 是否正确？",
        "it says who it is, and then no more: is priv_password right?",
    ),
    "snmp_nothing": ("有应答，但没有 {mapping} 所列的对象", "it answers, and has nothing that {mapping} names"),
    "ups_unknown": ("没有名为 {ups} 的 UPS；它有 {has}", "it has no UPS {ups}; it has {has}"),
    "ups_lost": ("服务器在，但与 UPS 失去联系（{text}）", "the server is there, and has lost the UPS ({text})"),
    "modbus_exception": ("读 {what} 时设备报错：{text}", "{what}: it answers with exception {text}"),
    "dns_answered": ("{name}：域名服务器答复 {text}", "{name}: the name server answers {text}"),
    "dns_no_record": ("{name} 没有 {kind} 记录", "{name} has no {kind} record"),
    "dns_other": ("{name} 解析为 {has}，应为 {wanted}", "{name} is {has}, and should be {wanted}"),
    "not_registered": ("{user} 未在采集代理注册", "{user} is not registered with the agent"),
    "refused_port": (
        "{port} 端口拒绝 {protocol} 连接：端口是否应为 {usual}？",
        "port {port} refuses {protocol}: is it {usual}?",
    ),
    # of a second look, for who stands in front of it
    "nobody_there": (
        "{host} 没有任何应答：是否有电、网线是否插好、地址是否正确？",
        "nobody answers at {host}: has it power and a cable, and is the address right?",
    ),
    "pings_no_port": (
        "{host} 能 ping 通，但 {port} 端口不接受连接：{protocol} 的端口是否为 {port}？",
        "{host} answers ping, and takes no connection on port {port}: is that the port of {protocol}?",
    ),
    "pings_udp": (
        "{host} 能 ping 通，但 {port} 端口（UDP）没有 {protocol} 应答：是否已启用，端口是否正确？",
        "{host} answers ping, and no {protocol} on UDP port {port}: is it switched on, and is that its port?",
    ),
    "pings_other_protocol": (
        "{host} 的 {port} 端口能连接，但不按 {protocol} 应答：该端口上是否为别的服务？",
        "{host} takes connections on port {port}, and does not answer as {protocol}: is something else on that port?",
    ),
    # of our link to a bank's host
    "link_silent": (
        "本端到主机的链路：已连接或正在连接，{s} 秒内无应答",
        "our link to the host: no answer within {s} s",
    ),
    "link_closed": (
        "本端到主机的链路：连接在应答中途关闭（收到 {bytes} 字节）",
        "our link to the host: closed in the middle of an answer ({bytes} bytes of it)",
    ),
    "link_strange": ("本端到主机的链路：{text}", "our link to the host: {text}"),
    "link_unreadable": (
        "本端到主机的链路：应答无法解析（{text}），报文格式是否与主机约定一致？",
        "our link to the host: its answer cannot be read ({text}): is this the host's format?",
    ),
    "link_refused": (
        "本端到主机的链路通，但主机应答码为 {code}（{text}）",
        "our link to the host carries messages, and the host answers with code {code} ({text})",
    ),
    "asked_away": ("对方要求暂不访问（{kiss}）", "it asks to be left alone ({kiss})"),
    # of a certificate
    "certificate_expired": ("证书已过期", "certificate has expired"),
    "certificate_not_yet": ("证书尚未生效", "certificate is not yet valid"),
    "certificate_self_signed": ("证书是自签名的", "self-signed certificate"),
    "certificate_chain_self_signed": ("证书链中有自签名证书", "self-signed certificate in certificate chain"),
    "certificate_no_issuer": ("找不到证书的签发者", "unable to get local issuer certificate"),
    "certificate_other_name": (
        "证书不属于该主机名 {name}",
        "Hostname mismatch, certificate is not valid for '{name}'.",
    ),
    "certificate_other_address": (
        "证书不属于该地址 {name}",
        "IP address mismatch, certificate is not valid for '{name}'.",
    ),
    # of the agent, asked to probe
    "not_configured": ("采集代理的配置中没有 {device}", "{device} is not in this agent's configuration"),
    "only_speaks": (
        "该设备只会自己发消息，无法询问；{s} 秒前有过消息",
        "it speaks of its own accord and cannot be asked; it was heard {s} s ago",
    ),
    "only_speaks_unheard": (
        "该设备只会自己发消息，无法询问；采集代理启动后还没有收到过它的消息",
        "it speaks of its own accord and cannot be asked; it has not been heard since the agent started",
    ),
    "unknown_command": ("采集代理不认识命令 {command}", "this agent does not know the command {command}"),
    "no_commands": ("该采集代理不接受命令", "this agent takes no commands"),
    "busy": ("命令太多，请稍后再试", "too many commands at once; try again"),
    "failed": ("采集代理出错：{text}", "the agent failed: {text}"),
    "no_driver": ("该采集代理没有驱动 {driver}；它有 {has}", "this agent has no driver {driver}; it has {has}"),
    "settings_wrong": ("驱动 {driver} 的设置有误：{text}", "settings of driver {driver}: {text}"),
    "target_wrong": ("地址 {target} 有误：{text}", "target {target}: {text}"),
    "secret_unknown": ("采集代理没有名为 {name} 的密码：{text}", "secret {name} is not in {text}"),
    # of what the agent may touch
    "not_allowed_network": (
        "{address} 不在允许的网段内：请加到采集代理 allowed.toml 的 networks",
        "{address} is outside of the allowed networks: add it to `networks` of allowed.toml",
    ),
    "not_allowed_port": (
        "端口 {port} 不在采集代理 allowed.toml 的 ports 中",
        "port {port} is not in `ports` of allowed.toml",
    ),
    "not_allowed_driver": (
        "驱动 {driver} 不在采集代理 allowed.toml 的 drivers 中",
        "driver {driver} is not in `drivers` of allowed.toml",
    ),
    "not_allowed_loopback": (
        "{address} 是采集代理本机：用 --allow-loopback 放行",
        "{address} is this machine itself: allow it with --allow-loopback",
    ),
    "not_allowed_link_local": (
        "{address} 是链路本地地址：在 allowed.toml 中写 link_local = true 放行",
        "{address} is link-local: allow it with `link_local = true` in allowed.toml",
    ),
    "no_device_address": ("{address} 不是设备的地址", "{address} is no address of a device"),
    # of the collector, asked for something
    "closed_already": (
        "该事件已经结束：请看其后续",
        "this incident is not open any more: look at what followed it",
    ),
    "way_not_configured": (
        "{way} 没有配置；见 shouwang.toml 的 [notify]",
        "{way} is not configured; see [notify] in shouwang.toml",
    ),
    # of the collector, asked to have a device probed
    "too_late": (
        "请求时监控中心不在运行，已无人等待",
        "asked while the collector was away; nobody waits for it any more",
    ),
    "not_in_fleet": ("{device} 不在设备清单中", "{device} is not in the fleet"),
    "of_a_feed": (
        "{device} 由数据源 {feed} 提供，不能检测",
        "{device} is known through the feed {feed}; it cannot be probed",
    ),
    "no_reply": ("{centre} 的采集代理 {s} 秒内无应答", "the agent at {centre} did not answer within {s} s"),
    "probes_under_way": (
        "已有 {n} 个检测正在进行，请几秒后再试",
        "{n} probes are under way already; try again in a few seconds",
    ),
    "not_probed": ("采集代理未能检测", "the agent could not probe it"),
}


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` of the catalogue, or `said` with a `text`; `values` fill its sentence."""

    code: Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,31}$")]
    values: Annotated[dict[str, Value], Meta(max_length=VALUES_MAX)] = {}

    def __str__(self) -> str:
        return self.words()["en"]

    def __bool__(self) -> bool:
        return self.code != SAID or bool(self.values.get("text"))

    def words(self) -> Both:
        """In both languages. A code that is not of our catalogue stands with its values."""
        if self.code == SAID:
            text = str(self.values.get("text", ""))
            return {"zh": text, "en": text}
        sentences = CATALOGUE.get(self.code)
        values = _Shown({name: _shown(value) for name, value in self.values.items()})
        if sentences is None:
            text = " ".join([self.code, *(f"{name}={value}" for name, value in values.items())])
            return {"zh": text, "en": text}
        return {"zh": sentences[0].format_map(values), "en": sentences[1].format_map(values)}


NOTHING = Reason(SAID)
"""No reason: it is falsy."""


def reason_of(said: Reason | str | BaseException) -> Reason:
    """A Reason as it is; text and errors by what they say. `NOTHING` for an empty text."""
    if isinstance(said, Reason):
        return said
    if isinstance(said, OSError):
        return _of_os_error(said)
    text = " ".join(str(said).split())[:TEXT_MAX]
    known = _CODES.get(text.casefold())
    if known is not None:
        return Reason(known)
    for code, pattern in _PATTERNS:
        found = pattern.fullmatch(text)
        if found is not None:
            return Reason(code, dict(found.groupdict()))
    return Reason(SAID, {"text": text}) if text else NOTHING


def reason_in(detail: Mapping[str, Any]) -> Reason:
    """The reason that a reply's, a deed's or a timeline entry's JSON holds: `why` (code and values) where it has one,
    else the text of `reason`. What has no such form is no reason; nothing raises."""
    why = detail.get("why")
    if why:
        try:
            return msgspec.convert(why, Reason)
        except msgspec.ValidationError:
            pass
    text = detail.get("reason")
    return reason_of(text) if isinstance(text, str) else NOTHING


_ERRNOS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "broken",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETUNREACH: "network_unreachable",
    errno.EHOSTDOWN: "host_down",
    errno.ETIMEDOUT: "timed_out",
    errno.EPERM: "not_permitted",
    errno.EACCES: "not_permitted",
}
_NAMES = {socket.EAI_NONAME: "no_name", socket.EAI_NODATA: "no_name", socket.EAI_AGAIN: "name_for_now"}


def _of_os_error(error: OSError) -> Reason:
    code = (_NAMES if isinstance(error, socket.gaierror) else _ERRNOS).get(error.errno or 0)
    if code is not None:
        return Reason(code)
    if error.errno and error.errno > 0:
        return reason_of(os.strerror(error.errno))
    return reason_of(str(error) or type(error).__name__)


class _Shown(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _shown(value: str | float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence)
    made = "".join(
        re.escape(part) if n % 2 == 0 else f"(?P<{part}>{_FORMS.get(part, '.+?')})" for n, part in enumerate(parts)
    )
    return re.compile(made, re.IGNORECASE)


_FORMS = {"s": r"[\d.]+", "n": r"\d+", "port": r"\d+", "status": r"\d{3}"}
_CODES = {english.casefold(): code for code, (_, english) in CATALOGUE.items() if "{" not in english}
_PATTERNS = sorted(
    ((code, _pattern(english)) for code, (_, english) in CATALOGUE.items() if "{" in english),
    key=lambda each: -len(re.sub(r"\{\w+\}", "", CATALOGUE[each[0]][1])),  # the one that says most comes first
)
