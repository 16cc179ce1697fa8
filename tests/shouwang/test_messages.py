"""What comes over the wire: good readings pass, the rest is set aside with its reason and never kills anything."""

import json
from typing import Any

import pytest

from shouwang.kinds import Kinds
from shouwang.messages import SIZE_MAX, Ack, Codec, Malformed, encode

BOOT = "7c1f4f0e-9d57-4a3b-8f6e-2f8e6f1c0001"


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(Kinds())


def reading(**changed: Any) -> dict[str, Any]:
    return {
        "device": "call-07",
        "kind": "call_terminal",
        "age_ms": 840,
        "reachable": True,
        "latency_ms": 12.5,
        "battery_percent": 87,
        "mains_power": True,
        "registered": True,
        "signal_dbm": -71,
        "tamper": False,
    } | changed


def report(*readings: Any, **head: Any) -> bytes:
    return json.dumps(
        {"v": 1, "boot": BOOT, "seq": 17, "oldest": 12, "sent_at_ms": 5, "readings": readings} | head
    ).encode()


def test_a_report_as_the_contract_shows_it(codec: Codec) -> None:
    decoded = codec.report(report(reading()))
    assert decoded.head.seq == 17
    assert decoded.asides == []
    assert decoded.readings[0].battery_percent == 87.0
    assert decoded.readings[0].pendant_battery_percent is None


def test_unknown_fields_are_ignored(codec: Codec) -> None:
    decoded = codec.report(report(reading(of_tomorrow={"a": 1}), of_tomorrow=[1]))
    assert len(decoded.readings) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (reading(kind="toaster"), "unknown_kind"),
        (reading(battery_percent=101), "wrong_value"),
        (reading(battery_percent="87"), "wrong_value"),
        (reading(age_ms=-1), "wrong_value"),
        (reading(age_ms=401 * 86_400_000), "wrong_value"),
        (reading(device=""), "wrong_value"),
        (reading(device=None), "wrong_value"),
        ({"kind": "call_terminal"}, "wrong_value"),
        ({"device": "call-07"}, "unknown_kind"),
        (7, "malformed"),
    ],
)
def test_one_bad_reading_does_not_cost_the_report_its_good_ones(codec: Codec, bad: Any, reason: str) -> None:
    decoded = codec.report(report(reading(), bad, reading(device="call-08")))
    assert [each.device for each in decoded.readings] == ["call-07", "call-08"]
    assert [aside.reason for aside in decoded.asides] == [reason]
    assert decoded.asides[0].detail


# fault 34
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed"),
        (b"\x00", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"v":1', "malformed"),
        (report(seq=0), "malformed"),
        (report(v=2), "malformed"),
        (report(boot="; drop table"), "malformed"),
        (b'{"v":1,"boot":"' + BOOT.encode() + b'","seq":NaN}', "malformed"),
        (report(seq=10**400), "malformed"),
        (b"[" * 100_000, "too_deep"),
        (report({"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}), "too_deep"),
        (b" " * (SIZE_MAX + 1), "too_large"),
    ],
)
def test_what_cannot_be_used_is_named(codec: Codec, payload: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        codec.report(payload)
    assert caught.value.aside.reason == reason
    assert len(caught.value.aside.text) <= 512


def test_brackets_in_a_text_are_no_depth(codec: Codec) -> None:
    decoded = codec.report(report(reading(note="[[[[[[[[[[{{{{{{")))
    assert len(decoded.readings) == 1


def test_nul_and_infinity_in_a_reading(codec: Codec) -> None:
    text = report(reading()).decode().replace("12.5", "1e999")
    decoded = codec.report(text.encode())
    assert decoded.readings == []
    assert len(decoded.asides) == 1


def test_ack_as_it_goes_out() -> None:
    assert json.loads(encode(Ack(v=1, boots={BOOT: [(1, 15), (18, 18)]}))) == {
        "v": 1,
        "boots": {BOOT: [[1, 15], [18, 18]]},
    }
