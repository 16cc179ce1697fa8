"""Which way comes next, and what the file may say."""

from pathlib import Path

import pytest
from smspdudecoder.easy import read_outgoing_sms

from edge.fallback import FallbackFileError, load
from edge.fallback.file import FallbackFile, SecondUplink, Siren, Sms
from edge.fallback.ladder import Try, next_way
from edge.fallback.running import Call, words
from edge.fallback.sms import CHARACTERS_MAX, pdu

FILE = FallbackFile(way=[SecondUplink(source="wwan0"), Sms("/dev/ttyUSB2", ["120"]), Siren("http://10.0.0.9/on")])
UPLINK, SMS, SIREN = (Try(0, "uplink", 0, True), Try(1, "sms", 0, True), Try(2, "siren", 0, True))
SMS_FAILED = Try(1, "sms", 0, False, "no mobile network")


@pytest.mark.parametrize(
    ("age_s", "tries", "since_s", "expected"),
    [
        (9.9, [], 0, None),  # its ack may still come
        (10.0, [], 0, 0),
        (11.0, [Try(0, "uplink", 0)], 1, None),  # under way
        (15.0, [UPLINK], 5, None),  # another way out was taken: the ack is waited for
        (20.1, [UPLINK], 10, 1),
        (21.0, [UPLINK, SMS], 1, None),  # a network took the message: somebody is reached
        (90.0, [UPLINK, SMS], 70, None),
        (21.0, [UPLINK, SMS_FAILED], 0.1, 2),  # at once, when a way fails
        (30.0, [UPLINK, Try(1, "sms", 0)], 15, 2),  # cut short, nobody knows: not again, the next
        (99.0, [UPLINK, SMS_FAILED, SIREN], 50, None),
        (99.0, [UPLINK, SMS_FAILED, Try(2, "siren", 0, False)], 50, None),  # there is no more to do
        (3_601.0, [], 0, None),  # too old to be shouted about
    ],
)
def test_the_way_that_comes_next(age_s: float, tries: list[Try], since_s: float, expected: int | None) -> None:
    assert next_way(FILE, age_s, tries, since_s) == expected


def test_a_file_without_ways_does_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "fallbacks.toml").way == []
    assert next_way(FallbackFile(), 60, [], 0) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wait_s = 0.1", "between 1 and 600"),
        ("[[way]]\nuse = 'smoke'", "smoke"),
        ("[[way]]\nuse = 'sms'\nmodem = '/dev/x'\nnumbers = []", "way 1 (sms): no numbers"),
        ("[[way]]\nuse = 'sms'\nmodem = '/dev/x'\nnumbers = ['12a']", "'12a' is no telephone number"),
        ("[[way]]\nuse = 'uplink'", "name another broker, another source, or both"),
        ("[[way]]\nuse = 'siren'\non = 'modbus://10.0.0.1/1'", "modbus://host:502/unit/coil"),
        ("[[way]]\nuse = 'siren'\non = 'ftp://10.0.0.1'", "or a URL"),
        ("way = ", "fallbacks.toml"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "fallbacks.toml"
    path.write_text(text)
    with pytest.raises(FallbackFileError, match=r"fallbacks\.toml") as raised:
        load(path)
    assert expected in str(raised.value)


@pytest.mark.parametrize("number", ["+8613800000001", "+861380000000", "120"])
@pytest.mark.parametrize("text", ["【守望】呼救：150525100201 call-07", "x" * CHARACTERS_MAX])
def test_a_message_is_read_by_another_library_as_it_was_written(number: str, text: str) -> None:
    coded, length = pdu(number, text)
    assert read_outgoing_sms(coded) == {"recipient": number, "content": text}
    assert length == len(coded) // 2 - 1


def test_words_fit_in_one_message_and_name_the_place() -> None:
    call = Call("id", "call-07", "call_terminal", "help_call", 30.0)
    text = words(call, "150525100201", 1_790_000_000_000)
    assert "150525100201 call-07" in text
    assert len(words(Call("id", "d" * 32, "k", "help_call", None), "c" * 32, 0)) <= CHARACTERS_MAX
