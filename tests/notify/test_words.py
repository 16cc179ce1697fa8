"""What people read: what, where, since when; and no name of who lives there."""

from typing import Any

import pytest

from collector.notify.words import title, words
from shouwang.vocabulary import Cause, NotificationType

CALL: dict[str, Any] = {
    "severity": "critical",
    "cause": "device_silent",
    "township_name": "大沁他拉镇",
    "centre": "150525100201",
    "centre_name": "北老柜村",
    "device": "call-07",
    "device_name": "王秀兰家",
    "kind": "call_terminal",
    "reason": {"zh": "", "en": ""},
    "since": "2026-11-24T06:02:11.000Z",
    "opened_at": "2026-11-24T06:03:41.000Z",
    "closed_at": None,
    "devices_unwatched": 1,
    "terminals_unwatched": 1,
    "members": [],
    "members_total": 0,
}


def test_a_silent_terminal_is_named_by_kind_and_code_with_place_and_local_time() -> None:
    said = words(CALL, NotificationType.OPENED)
    assert said["zh"] == "【严重】呼叫终端 call-07 失联\n大沁他拉镇 · 北老柜村\n自 11月24日 14:02"
    assert said["en"] == (
        "[Critical] Call terminal call-07 silent\n大沁他拉镇 · 北老柜村\nSince 2026-11-24 14:02 (Asia/Shanghai)"
    )
    assert title(said["zh"]) == "【严重】呼叫终端 call-07 失联"


def test_no_name_of_who_lives_there_leaves_the_house() -> None:
    incident = {**CALL, "household": {"name": "王秀兰", "phone": "13800000000"}}
    for type_ in NotificationType:
        for text in words(incident, type_).values():
            assert "王秀兰" not in text
            assert "13800000000" not in text


def test_another_device_is_called_by_its_own_name() -> None:
    camera = {**CALL, "kind": "camera", "device": "cam-02", "device_name": "村口球机", "cause": "device_down"}
    camera["reason"] = {"zh": "画面冻结", "en": "picture frozen"}
    said = words(camera, NotificationType.OPENED)
    assert said["zh"].splitlines()[0] == "【严重】村口球机 (cam-02) 故障"
    assert "画面冻结" in said["zh"]
    assert "picture frozen" in said["en"]


def test_an_end_says_how_long_and_how() -> None:
    closed = {**CALL, "closed_at": "2026-11-24T07:14:11.000Z", "closed_as": "recovered"}
    said = words(closed, NotificationType.CLOSED)
    assert said["zh"].splitlines()[0] == "【严重】已结束：呼叫终端 call-07 失联"
    assert said["zh"].splitlines()[-1] == "自 11月24日 14:02，至 11月24日 15:14（1 小时 12 分钟），已恢复正常"
    assert said["en"].splitlines()[-1].endswith("(1 h 12 min), recovered")


def test_a_help_call_is_told_with_its_age_when_it_came_late() -> None:
    call = {**CALL, "cause": "help_call", "severity": "emergency"}
    assert words(call, NotificationType.OPENED)["zh"].splitlines()[0] == "【紧急】呼救：呼叫终端 call-07"
    assert "迟到" not in words(call, NotificationType.OPENED)["zh"]
    late = {**call, "opened_at": "2026-11-24T06:40:11.000Z"}
    assert words(late, NotificationType.OPENED)["zh"].splitlines()[-1] == "按下时间 11月24日 14:02（38 分钟前，迟到）"
    assert "(38 min before it reached us)" in words(late, NotificationType.OPENED)["en"]


def test_an_area_is_named_with_its_centres_and_whom_it_leaves_unwatched() -> None:
    area = {
        **CALL,
        "cause": "area_outage",
        "scope": "carrier:移动",
        "device": "",
        "centre": "",
        "centre_name": "",
        "township_name": "",
        "devices_unwatched": 600,
        "terminals_unwatched": 360,
        "members": [f"1505251002{n:02}" for n in range(12)],
        "members_total": 12,
    }
    zh = words(area, NotificationType.UPDATED)["zh"]
    assert zh.splitlines()[0] == "【严重】范围扩大：大面积中断：运营商 移动"
    assert "等 12 处" in zh
    assert "600 台设备无人看护，其中老人呼叫终端 360 台" in zh
    assert len(zh.encode()) < 2_000


def test_who_is_on_it_is_said() -> None:
    taken = {**CALL, "acknowledgement": {"who": "阿木尔", "at": "2026-11-24T06:10:00.000Z"}}
    assert "阿木尔 已受理" in words(taken, NotificationType.ACKNOWLEDGED)["zh"]
    assert "阿木尔 is on it" in words(taken, NotificationType.ACKNOWLEDGED)["en"]


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("type_", list(NotificationType))
def test_every_cause_has_words_in_both_languages(cause: Cause, type_: NotificationType) -> None:
    said = words({**CALL, "cause": str(cause)}, type_)
    assert str(cause) not in said["zh"]
    assert str(cause) not in said["en"]


@pytest.mark.parametrize(
    "incident", [{}, {"cause": "new_cause", "severity": "new"}, {"since": "yesterday"}, {"kind": 3}]
)
def test_shapes_that_are_new_to_us_only_shorten_the_text(incident: dict[str, Any]) -> None:
    for text in words(incident, NotificationType.OPENED).values():
        assert text


def test_a_name_cannot_forge_a_line_nor_flood_the_message() -> None:
    forged = {**CALL, "centre_name": "x\n【紧急】火灾\u202e" + "y" * 500}
    lines = words(forged, NotificationType.OPENED)["zh"].splitlines()
    assert len(lines) == 3
    assert len(lines[1]) < 100
