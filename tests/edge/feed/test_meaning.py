"""What a platform's words mean: the samples, and words that are wrong in every way."""

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.feed.checking import look
from edge.feed.instants import NoInstantError, instant_ms
from edge.feed.mapping import Instant, MappingError, read_mapping
from edge.feed.meaning import Aside, MappedEvent, MappedReading
from edge.feed.memory import Memory
from edge.feed.naming import read_names
from edge.feed.sources.files import read_csv
from shouwang import kinds
from simulators.platforms.lists import call_service, pos_management, refused_with_200
from tests.edge.feed.samples import KINDS, NOW_MS, SAMPLES, at, meaning, terminal

HOUR_MS = 3_600_000


def reasons(asides: list[Aside]) -> list[str]:
    return [aside.reason for aside in asides]


def test_a_call_service_says_online_and_when_it_heard_it() -> None:
    said = call_service([terminal("860000000000011", NOW_MS - 2 * HOUR_MS)], 1, 200, 1)
    made = meaning("call-terminals").of_answer(said, NOW_MS)
    [reading] = made.readings
    assert (reading.device, made.asides) == ("150525100201/call-01", [])
    assert reading.fields == {
        "registered": True,
        "battery_percent": 88,
        "mains_power": True,
        "signal_dbm": -71.0,
        "tamper": False,
        "last_heard_age_ms": 2 * HOUR_MS,
    }


@pytest.mark.parametrize("instant", [None, "", "0000-00-00 00:00:00", "1970-01-01 08:00:00", "gestern", True])
def test_online_without_an_instant_is_not_believed(instant: Any) -> None:
    said = call_service([terminal("860000000000011", 0, lastTime=instant)], 1, 200, 1)
    made = meaning("call-terminals").of_answer(said, NOW_MS)
    assert (made.readings, reasons(made.asides)) == ([], ["no_instant"])


def test_an_instant_of_another_zone_is_not_believed_and_the_zone_named() -> None:
    said = call_service([terminal("860000000000011", NOW_MS + 8 * HOUR_MS)], 1, 200, 1)
    [aside] = meaning("call-terminals").of_answer(said, NOW_MS).asides
    assert "480 min in the future: is zone Asia/Shanghai right?" in aside.detail


def test_an_error_inside_a_200_is_no_list_of_nobody() -> None:
    made = meaning("call-terminals").of_answer(refused_with_200([], 1, 200, 0), NOW_MS)
    assert (made.well, reasons(made.asides)) == (False, ["error_inside"])
    assert "系统繁忙" in made.asides[0].detail


def test_a_word_that_has_changed_costs_its_field_alone() -> None:
    said = call_service([terminal("860000000000011", NOW_MS, power="MAINS", battery="240")], 1, 200, 1)
    made = meaning("call-terminals").of_answer(said, NOW_MS)
    assert set(made.readings[0].fields) == {"registered", "signal_dbm", "tamper", "last_heard_age_ms"}
    assert sorted(reasons(made.asides)) == ["unknown_word", "wrong_value"]


def test_a_stranger_is_set_aside_and_named() -> None:
    said = call_service([terminal("999", NOW_MS), terminal("", NOW_MS), terminal("860000000000012", NOW_MS)], 1, 9, 3)
    made = meaning("call-terminals").of_answer(said, NOW_MS)
    assert [each.device for each in made.readings] == ["150525100201/call-02"]
    assert [(each.reason, each.device) for each in made.asides] == [("unknown_device", "999"), ("no_device", "")]


def test_a_help_call_is_an_event_and_is_told_even_with_a_wrong_clock() -> None:
    alarm = {"type": "SOS", "time": at(NOW_MS - 4_000), "id": 17}
    said = call_service([terminal("860000000000011", NOW_MS, alarm=alarm)], 1, 200, 1)
    made = meaning("call-terminals").of_answer(said, NOW_MS)
    assert made.events == [MappedEvent("150525100201/call-01", "call_terminal", "help_call", NOW_MS - 4_000, "17", {})]
    said["data"]["list"][0]["alarm"]["time"] = "never"
    made = meaning("call-terminals").of_answer(said, NOW_MS)
    assert (made.events[0].at_ms, reasons(made.asides)) == (NOW_MS, ["no_instant"])


def test_a_pos_is_judged_by_its_sign_in_and_no_amount_is_read() -> None:
    form = "%Y%m%d%H%M%S"
    row = {
        "termNo": 30010001,
        "signInTime": at(NOW_MS - 5 * HOUR_MS, form),
        "lastTransTime": at(NOW_MS - HOUR_MS, form),
    }
    row |= {"paper": "1", "tamperFlag": "N", "amount": 12345, "online": True}
    made = meaning("pos-management").of_answer(pos_management([row], 1, 100, 1), NOW_MS)
    assert made.readings[0].fields == {
        "last_sign_in_age_ms": 5 * HOUR_MS,
        "last_transaction_age_ms": HOUR_MS,
        "paper": "low",
        "tamper": False,
    }


def test_a_banks_csv_in_gb18030(tmp_path: Path) -> None:
    file = tmp_path / "atm-1.csv"
    head = "终端号,状态,出钞,存款,凭条纸,保险柜门,模式,更新时间"
    rows = [
        f"A0150525001,正常,预警,正常,缺纸,关,服务,{at(NOW_MS, '%Y/%m/%d %H:%M')}",
        "A0150525002,正常,正常,正常,充足,关,服务,",
    ]
    file.write_text("\n".join([head, *rows]), "gb18030")
    made = meaning("bank-atms").of_answer(read_csv(file, "gb18030", ","), NOW_MS)
    assert made.readings[0].fields["dispenser"] == "attention"
    assert made.readings[0].fields["receipt_paper"] == "out"
    assert [(each.reason, each.device) for each in made.asides] == [("no_instant", "150525100202/atm-01")]


def test_what_an_nbiot_platform_sends() -> None:
    said = {"imei": "860000000000021", "timestamp": NOW_MS - 1_000, "messageId": "m-1"}
    said["payload"] = {"bat": 61, "rsrp": -97, "event": "sos"}
    made = meaning("nbiot").of_answer({"notifies": [said]}, NOW_MS)
    assert [each.event for each in made.events] == ["help_call"]
    assert made.readings[0].fields == {"battery_percent": 61, "signal_dbm": -97, "last_heard_age_ms": 1_000}


def reading(heard_ms: int | None, **fields: Any) -> MappedReading:
    return MappedReading("c/d", "call_terminal", fields, heard_ms)


def test_repeats_and_what_goes_back_in_time_are_left_out() -> None:
    memory = Memory(600.0)

    def take(said: MappedReading, now_s: float) -> bool:
        news = memory.is_news(said, now_s)
        if news:
            memory.told(said, now_s)
        return news

    assert take(reading(1_000, registered=True, last_heard_age_ms=5), 0.0)
    assert not take(reading(1_000, registered=True, last_heard_age_ms=60_005), 60.0), "the same, only older"
    assert take(reading(1_000, registered=False), 61.0), "a word has changed"
    assert not take(reading(900, registered=True), 62.0), "an older state than we know"
    assert take(reading(1_000, registered=False), 700.0), "again after a while"
    assert (memory.repeats, memory.older) == (1, 1)


def test_what_could_not_be_kept_is_news_once_more_and_what_was_told_is_none_after_a_restart() -> None:
    memory = Memory(600.0)
    said = reading(1_000, registered=True)
    assert memory.is_news(said, 0.0)
    assert memory.is_news(said, 1.0), "it was not told: the disk was full"
    event = MappedEvent("c/d", "call_terminal", "help_call", 1, "17", {})
    assert memory.is_new(event)
    assert memory.is_new(event)
    memory.event_told(event)
    assert not memory.is_new(event)
    again = Memory(600.0)
    again.know_events(memory.events_known())
    assert not again.is_new(event)


@pytest.mark.parametrize(
    ("text", "form", "zone", "expected"),
    [
        ("2026-05-28T20:26:40Z", "iso", "UTC", NOW_MS),
        ("2026-05-29 04:26:40", "iso", "Asia/Shanghai", NOW_MS),
        ("2026/05/29 04:26", "%Y/%m/%d %H:%M", "Asia/Shanghai", NOW_MS - 40_000),
        (NOW_MS / 1000, "s", "UTC", NOW_MS),
        (str(NOW_MS), "ms", "UTC", NOW_MS),
        (NOW_MS + 60_000, "ms", "UTC", NOW_MS),
    ],
)
def test_instants(text: Any, form: str, zone: str, expected: int) -> None:
    assert instant_ms(Instant(path="t", format=form, zone=zone), text, NOW_MS) == expected


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers()))
def test_any_value_is_an_instant_of_the_past_or_refused(value: Any) -> None:
    for form in ("ms", "s", "iso", "%Y-%m-%d"):
        with contextlib.suppress(NoInstantError):
            assert 946_684_800_000 <= instant_ms(Instant(path="t", format=form), value, NOW_MS) <= NOW_MS


BROKEN = [
    ('kind = "call_terminal"', 'kind = "call_terminl"', "did you mean call_terminal"),
    ('path = "imei"', 'path = "a b"', "cannot be read"),
    ("battery_percent =", "batery_percent =", "did you mean battery_percent"),
    ("last_heard =", "#last_heard =", "believed only with the instant"),
    ("Asia/Shanghai", "Asia/Peking", "zone 'Asia/Peking' is unknown"),
    ('type = "http"', 'type = "ftp"', "ftp"),
    ('list = "devices.csv"', "", "list"),
    ("every_s = 60", "every = 60", "every"),
    ("[fields]", '[fields]\nlast_heard_age_ms = { path = "x" }', "made from"),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN)
def test_a_mapping_that_cannot_work_says_what_to_change(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text((SAMPLES / "call-terminals.toml").read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(MappingError, match=said) as refused:
        read_mapping(path, kinds.load())
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("centre,device,imei\n", "no column serial"),
        ("centre,device,serial\nA B,x,1\n", "line 2.*no names"),
        ("centre,device,serial\nc,x,1\nc,y,1\n", "line 3.*stands twice"),
    ],
)
def test_a_list_of_devices_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "devices.csv").write_text(text)
    device = read_mapping(SAMPLES / "call-terminals.toml", kinds.load()).device
    assert device is not None
    with pytest.raises(MappingError, match=said):
        read_names(device, tmp_path)


def test_every_sample_has_its_devices() -> None:
    for path in SAMPLES.glob("*.toml"):
        said = read_mapping(path, kinds.load())
        assert said.device is not None
        assert len(read_names(said.device, SAMPLES)) == 7


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("860000000000011"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
NAMES = ["imei", "online", "lastTime", "battery", "power", "csq", "tamper", "alarm", "data", "list", "code", "termNo"]


@settings(max_examples=40)
@given(st.sampled_from(["call-terminals", "nbiot", "pos-management", "bank-atms"]), anything, st.data())
def test_any_answer_gives_readings_that_the_wire_takes(name: str, content: Any, data: st.DataObject) -> None:
    found = meaning(name)
    entry = data.draw(st.dictionaries(st.sampled_from(NAMES), anything))
    for said in (content, call_service([entry | {"imei": "860000000000011", "lastTime": at(NOW_MS)}], 1, 1, 1)):
        for each in found.of_answer(said, NOW_MS).readings:
            wire = {"device": each.device, "kind": each.kind, "age_ms": 0, **each.fields}
            msgspec.json.decode(msgspec.json.encode(wire), type=KINDS.reading_type)


@pytest.mark.parametrize(
    ("mapping", "answer", "said"),
    [
        ("none.toml", None, "none.toml: there is no such mapping file; copy one of edge/feed/samples"),
        ("", None, "the mapping file cannot be read: Is a directory"),
        ("call-terminals.toml", "none.json", "none.json: there is no such file with a platform's answer (--from)"),
        ("call-terminals.toml", "", "the platform's answer (--from) cannot be read: Is a directory"),
    ],
)
def test_a_file_that_is_not_there_is_told_in_a_sentence(
    tmp_path: Path, mapping: str, answer: str | None, said: str
) -> None:
    folder = SAMPLES if mapping == "call-terminals.toml" else tmp_path
    with pytest.raises(ValueError, match=r"^(?!.*Errno)") as error:
        look(folder / mapping, tmp_path, None if answer is None else tmp_path / answer)
    assert said in str(error.value)
