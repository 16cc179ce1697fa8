"""Why something is out, in one line."""

from pathlib import Path
from typing import Any

import pytest

from api.console import words
from api.console.figures import figures, telling, value
from api.console.language import language
from api.console.last_good import Good, LastGood
from api.console.reasons import reason
from shouwang.clock import parse_rfc3339
from shouwang.kinds import Kinds
from shouwang.readings.embedded import EmbeddedStore
from shouwang.readings.store import Stored

ZH, EN = language("zh"), language("en")
NOW_MS = parse_rfc3339("2026-11-24T14:20:00+08:00")
GOOD = "2026-11-24T14:02:00+08:00"
GOOD_MS = parse_rfc3339(GOOD)


def incident(cause: str, **more: Any) -> dict[str, Any]:
    return {
        "cause": cause, "centre": "150525100201", "centre_name": "北老柜村", "township_name": "大沁他拉镇",
        "device": "call-07", "device_name": "", "kind": "call_terminal", "scope": "", "good_at": GOOD,
        "devices_unwatched": 1, "members_total": 0, "reason": {"zh": "", "en": ""}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("item", "zh", "en"),
    [
        (incident("device_silent"), "呼叫终端 call-07 失联", "Call terminal call-07 silent"),
        (incident("device_down", device_name="王家呼叫器"), "王家呼叫器 故障", "王家呼叫器 down"),
        (incident("help_call"), "呼救 · 呼叫终端 call-07", "Help call · Call terminal call-07"),
        (incident("centre_offline", device="", kind=None), "服务中心离线", "Centre offline"),
        (
            incident("area_outage", device="", scope="township:150525100", members_total=12),
            "大面积断联 · 大沁他拉镇 · 12 处",
            "Outage of an area · 大沁他拉镇 · 12 places",
        ),
        (
            incident("area_outage", device="", scope="carrier:中国移动", township_name="", members_total=1),
            "大面积断联 · 运营商 中国移动 · 1 处",
            "Outage of an area · carrier 中国移动 · 1 place",
        ),
        (
            incident("devices_lost_together", device="", devices_unwatched=14),
            "多台设备同时失联 · 14 台设备",
            "Devices lost together · 14 devices",
        ),
        (incident("of_tomorrow", device=""), "of_tomorrow", "of_tomorrow"),
    ],
)
def test_an_incident_is_told_in_one_line(item: dict[str, Any], zh: str, en: str) -> None:
    kinds = Kinds()
    assert words.headline(ZH, kinds, item) == zh
    assert words.headline(EN, kinds, item) == en


def test_the_reason_stands_with_the_last_good_reading() -> None:
    kinds = Kinds()
    item = incident("device_down", reason={"zh": "无应答", "en": "does not answer"})
    fields = {"reachable": True, "latency_ms": 12.5, "battery_percent": 87.0}
    good = {("150525100201", "call-07", GOOD_MS, False): Good(GOOD_MS, fields)}
    assert reason(ZH, kinds, NOW_MS, good, item) == "无应答 · 最后一次正常 14:02 电池电量 87 %"
    assert reason(EN, kinds, NOW_MS, good, item) == "does not answer · last good 14:02 Battery 87 %"
    assert reason(ZH, kinds, NOW_MS, {}, item) == "无应答 · 最后一次正常 14:02"


def unseen(condition: str) -> dict[str, Any]:
    """A device of a feed that is not heard since 14:10; its last change was at 14:02."""
    return {
        "centre": "150525100201", "device": "call-07", "kind": "call_terminal", "connected": True,
        "condition": "unknown", "since": "2026-11-24T14:10:00+08:00", "good_at": GOOD,
        "reason": {"zh": "", "en": ""}, "last_known": {"condition": condition, "since": GOOD},
    }  # fmt: skip


def test_a_device_behind_a_lost_path_was_last_good_at_its_last_reading_and_not_at_its_last_change(
    tmp_path: Path,
) -> None:
    kinds = Kinds()
    store = EmbeddedStore(tmp_path / "readings.db", kinds, writable=True)
    make = kinds.types["call_terminal"]
    taken_ms = parse_rfc3339("2026-11-24T14:09:00+08:00")
    read = make(device="call-07", reachable=True, battery_percent=87.0, last_heard_age_ms=120_000)
    assert store.write([Stored("150525100201", "call-07", "call_terminal", taken_ms, read)]) == []
    kept = LastGood()
    well, down = unseen("ok"), unseen("down")
    good = kept.of(store, [well])
    assert reason(ZH, kinds, NOW_MS, good, well) == "通道不通 · 最后一次正常 14:07 电池电量 87 %"
    assert reason(ZH, kinds, NOW_MS, {}, well) == "通道不通", "what is not known is not said"
    assert "最后一次正常 14:02" in reason(ZH, kinds, NOW_MS, kept.of(store, [down]), down), "down is not good"
    store.close()
    assert kept.of(store, [well]) == good, "it is read once"


def test_what_is_only_silent_says_so_and_what_is_degraded_needs_no_last_good_reading() -> None:
    kinds = Kinds()
    assert reason(ZH, kinds, NOW_MS, {}, incident("device_silent")) == "超时未收到消息 · 最后一次正常 14:02"
    degraded = incident("device_degraded", reason={"zh": "市电断开", "en": "mains lost"})
    assert reason(ZH, kinds, NOW_MS, {}, degraded) == "市电断开"


def test_a_reading_is_shown_with_labels_units_and_words() -> None:
    kinds = Kinds()
    fields = {
        "reachable": True, "latency_ms": 12.54, "battery_percent": 87.0, "mains_power": False,
        "last_heard_age_ms": 125_000, "signal_dbm": -71.0, "of_tomorrow": 3,
    }  # fmt: skip
    shown = {figure.label: figure.text for figure in figures(ZH, kinds["call_terminal"], fields)}
    assert shown == {
        "可达": "是", "时延": "12.5 ms", "电池电量": "87 %", "市电": "否", "距上次通信": "2 分钟",
        "信号强度": "-71 dBm", "of_tomorrow": "3",
    }  # fmt: skip


def test_enumerations_and_lists_speak_the_reader_s_language() -> None:
    kinds = Kinds()
    camera = kinds["camera"].fields["picture"]
    assert value(ZH, "picture", camera, "frozen") != value(EN, "picture", camera, "frozen") == "frozen"
    atm = kinds["atm"]
    lists = [name for name, field in atm.fields.items() if field.items]
    said = {item: inner.values[0] if inner.values else 1 for item, inner in atm.fields[lists[0]].items.items()}
    assert value(EN, lists[0], atm.fields[lists[0]], [said, said]).count(" / ") == 1
    assert value(EN, lists[0], atm.fields[lists[0]], []) == "–"


def test_the_most_telling_figure_of_a_kind_is_the_one_that_runs_down() -> None:
    kinds = Kinds()
    assert telling(ZH, kinds["call_terminal"], {"latency_ms": 5.0, "battery_percent": 41.0}) == "电池电量 41 %"
    assert telling(ZH, kinds["call_terminal"], {"reachable": True}) == ""
    assert telling(ZH, None, {"battery_percent": 41.0}) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [("power_cut", "停电"), ("unplugged: 碰掉了插头", "拔电 · 碰掉了插头"), ("已修好", "已修好"), ("a: b", "a: b")],
)
def test_an_outcome_is_a_code_words_or_both(text: str, said: str) -> None:
    assert words.outcome(ZH, text) == said
