"""What SCAIP messages say: those of public implementations, and each code that we act on."""

from pathlib import Path
from typing import Any

import pytest

from edge.probes.scaip.document import DocumentError, Status, read_mrq, write_mrs
from edge.probes.scaip.meaning import meaning_of

WIRE = Path(__file__).parent / "wire"


def mrq(**tags: str) -> bytes:
    said = {"ref": "1", "cid": "26317", "dty": "0003"} | tags
    return b"<mrq>" + "".join(f"<{k}>{v}</{k}>" for k, v in said.items() if v).encode() + b"</mrq>"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("essence-heartbeat", ""),
        ("possum-heartbeat", ""),
        ("telealarm-heartbeat", ""),
        ("essence-alarm", "help_call"),
        ("possum-alarm", "help_call"),
        ("telealarm-alarm", "help_call"),
        ("telealarm-malfunction", ""),
        ("doro-alarm", "help_call"),
    ],
)
def test_what_devices_in_the_field_send(name: str, event: str) -> None:
    read = read_mrq((WIRE / f"{name}.xml").read_bytes())
    assert read.ref
    assert meaning_of(read).event == event


@pytest.mark.parametrize(
    ("tags", "event", "fields"),
    [
        ({"stc": "0010"}, "help_call", {}),
        ({"stc": "10"}, "help_call", {}),
        ({}, "help_call", {}),  # a message without a status is a call
        ({"stc": "0000"}, "help_call", {}),
        ({"stc": "0110"}, "help_call", {}),
        ({"dty": "0005", "stc": "0009"}, "help_call", {}),  # a fall detector
        ({"dty": "0023", "stc": "0009"}, "help_call", {}),  # smoke
        ({"dty": "0003", "stc": "0007"}, "help_call", {}),  # a pendant that says what nobody knows
        ({"dty": "0004", "stc": "0999"}, "help_call", {}),
        ({"dty": "0003", "stc": "0067"}, "", {}),
        ({"dty": "0021", "stc": "0007"}, "", {}),
        ({"dty": "0031", "stc": "0009"}, "", {}),  # a monitor of the system
        ({"dty": "0002", "stc": "0067"}, "", {}),
        ({"stc": "0102"}, "test_call", {}),
        ({"stc": "0010", "mty": "RE"}, "help_cancelled", {}),
        ({"stc": "0019"}, "help_cancelled", {}),
        ({"dty": "0002", "stc": "0016"}, "", {"battery_status": "low"}),
        ({"dty": "0002", "stc": "0014"}, "", {"battery_status": "failed"}),
        ({"dty": "0002", "stc": "0015"}, "", {"battery_status": "ok"}),
        ({"dty": "0003", "stc": "0016"}, "", {"pendant_battery_status": "low"}),
        ({"dty": "0002", "stc": "0085"}, "", {"mains_power": False}),
        ({"dty": "0041", "stc": "0086"}, "", {"mains_power": True}),
        ({"dty": "0038", "stc": "0009"}, "tamper", {"tamper": True}),
        ({"dty": "0002", "stc": "0125"}, "tamper", {"tamper": True}),
        ({"dty": "0038", "stc": "0094"}, "", {"tamper": False}),
        ({"mty": "IN", "stc": "0010"}, "", {}),
        ({"mty": "PI", "stc": "0010"}, "", {}),
    ],
)
def test_codes(tags: dict[str, str], event: str, fields: dict[str, Any]) -> None:
    meaning = meaning_of(read_mrq(mrq(**tags)))
    assert (meaning.event, meaning.fields) == (event, fields)


def test_no_telephone_number_goes_with_an_event() -> None:
    meaning = meaning_of(read_mrq(mrq(stc="0010", crd="gsm:+4798765432", lte="kitchen of Kari")))
    assert "+4798765432" not in str(meaning.detail)
    assert "Kari" not in str(meaning.detail)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", Status.INVALID_FORMAT),
        (b"<mrq><ref>1</ref>", Status.INVALID_FORMAT),
        (b"<other/>", Status.INVALID_FORMAT),
        (b"<mrq><ref>1</ref><dty>3</dty></mrq>", Status.TAG_MISSING),
        (mrq(dty="x"), Status.WRONG_CONTENT),
        (mrq(mty="ZZ"), Status.WRONG_CONTENT),
        (b'<!DOCTYPE a [<!ENTITY b "cc">]><mrq><ref>&b;</ref></mrq>', Status.INVALID_FORMAT),
    ],
)
def test_what_cannot_be_read_is_told_to_the_device(body: bytes, status: Status) -> None:
    with pytest.raises(DocumentError) as caught:
        read_mrq(body)
    assert caught.value.status is status


def test_the_reply() -> None:
    assert b"<mrs>\r\n<ref>00001883</ref>\r\n<snu>0</snu>\r\n<mre>0</mre>\r\n</mrs>" in write_mrs("00001883", Status.OK)
    assert b"<ref>&lt;x&gt;</ref>" in write_mrs("<x>", Status.OK)
