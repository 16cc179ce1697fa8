"""The guided tour: what can be started from the demo's page, and what to look for then."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.scenario import Words, load

COLLECTOR_KILLED = "collector_killed"
INSTALLED_CENTRE = "installed_centre"
INSTALLED_LASTS_S = 240.0


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of the tour. `scenario` empty: the demo does it itself."""

    name: str
    title: Words
    about: Words
    look: Words
    scenario: str = ""
    lasts_s: float = 60.0


def _of(name: str, zh: str, en: str) -> Stop:
    scenario = load(name)
    return Stop(name, scenario.title, scenario.about, Words(zh, en), name, scenario.lasts_s)


def _installed_centre() -> Stop:
    return Stop(
        INSTALLED_CENTRE,
        Words("实装中心：真实的协议", "The installed centre: real protocols"),
        Words(
            "第一个中心由真正的采集代理看护，设备在真实的套接字上说 SIP、SCAIP、GB/T 28181、RTSP、Modbus、SNMP、NUT。"
            "呼救、拔线、摄像机故障、停电依次发生。",
            "The first centre is watched by a real agent; its devices speak SIP, SCAIP, GB/T 28181, RTSP, Modbus, SNMP "
            "and NUT on real sockets. A call for help, a pulled plug, a broken camera and a power cut follow.",
        ),
        Words(
            "呼救一秒内成为紧急事件；其余各成一起，停电时各设备的原因都写明“停电”。",
            "The call is an emergency within a second; the others follow, and during the power cut each says why.",
        ),
        INSTALLED_CENTRE,
        INSTALLED_LASTS_S,
    )


def stops(installed: bool = False) -> list[Stop]:
    """The tour, in the order in which it is shown. `installed`: the first centre is watched by a real agent."""
    return [
        *([_installed_centre()] if installed else []),
        _of(
            "help_call",
            "几秒内出现一条紧急通知；在控制台受理它：受理不等于处理完，要写明结果才关闭。",
            "An emergency within seconds. Acknowledge it in the console: it stays open until closed with an outcome.",
        ),
        _of(
            "power_cut_township",
            "各中心一个接一个变暗，却只有一起“区域”事件，列出中心和无人看护的终端。来电后自行关闭。",
            "Centres go dark one by one, yet there is one incident for the area, which lists centres and terminals.",
        ),
        _of(
            "carrier_lost",
            "联通上行的中心和用联通卡的终端一起失联，合为一起事件。",
            "Centres behind China Unicom and terminals with its cards are gone together: one incident.",
        ),
        _of(
            "switch_lost",
            "一个中心的全部设备同时无应答，代理还在线：原因是交换机或电源。",
            "All devices of one centre stop answering while its agent is heard: its switch or power.",
        ),
        _of(
            "uplink_backlog",
            "两个中心离线；恢复后曲线上的空白被补上，过去的事不再告警。",
            "Two centres are offline; once back, the gap in their charts is filled and nothing alarms for the past.",
        ),
        _of(
            "feed_stopped",
            "平台的终端变为“状态未知”而非“失联”：没听到不等于坏了。",
            "The feed's terminals become unknown, not silent: not heard through it is not broken.",
        ),
        Stop(
            COLLECTOR_KILLED,
            Words("杀掉采集器", "Kill the collector"),
            Words(
                "对采集器进程发送 SIGKILL。守护进程随即重启它，它从台账和日志接着做。",
                "The collector gets SIGKILL. Its supervisor starts it again, and it goes on from ledger and journal.",
            ),
            Words(
                "控制台短暂显示“听不到”；没有假的失联，没有重复的事件，没有丢失的读数。",
                "The console says for a moment that it does not hear: no false silence, no incident doubled.",
            ),
        ),
    ]
