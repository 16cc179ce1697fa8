"""GB/T 28181 documents as devices send them, and as they should not."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.probes.gbt28181.catalogue import Catalogue
from edge.probes.gbt28181.document import Alarm, Command, channels_of, read_document, write_query
from edge.probes.gbt28181.meaning import event_of
from edge.sip import XmlError

WIRE = Path(__file__).parent / "wire"
NVR = "34020000001180000001"


def wire(name: str) -> bytes:
    return (WIRE / f"{name}.xml").read_bytes()


def test_keepalives() -> None:
    read = read_document(wire("keepalive"))
    assert (read.command, read.code, read.ok, read.faulty) == (Command.KEEPALIVE, NVR, True, frozenset())
    assert read_document(wire("keepalive-faulty")).faulty == {"34020000001320000002", "34020000001320000005"}


def test_a_part_of_a_catalogue() -> None:
    read = read_document(wire("catalog-item"))
    assert (read.root, read.sn, read.total) == ("Response", "1011", 16)
    assert read.items == {"34020000001320000001": True, "34020000001320000002": False}


def test_a_status_and_an_alarm() -> None:
    status = read_document(wire("device-status"))
    assert (status.command, status.ok, status.online) == (Command.DEVICE_STATUS, True, True)
    alarm = read_document(wire("alarm")).alarm
    assert alarm == Alarm("64010000001340000001", 2, 4, 0, "警情描述", "2009-12-04T16:23:32")


def test_what_we_ask() -> None:
    assert write_query(Command.CATALOG, 3, NVR) == (
        b'<?xml version="1.0" encoding="GB2312"?>\r\n<Query>\r\n<CmdType>Catalog</CmdType>\r\n<SN>3</SN>\r\n'
        b"<DeviceID>34020000001180000001</DeviceID>\r\n</Query>\r\n"
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<Notify><CmdType>Keepalive</CmdType><DeviceID>12</DeviceID></Notify>", "no code of 20 digits"),
        (b"<Control><DeviceID>34020000001180000001</DeviceID></Control>", "none of Notify"),
        (b'<!DOCTYPE x [<!ENTITY y "z">]><Notify/>', "document type"),
    ],
)
def test_what_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(XmlError, match=said):
        read_document(body)


def test_channels_are_told_from_groups_and_alarm_inputs() -> None:
    cameras = {"34020000001320000001": True, "34020000001310000002": False}
    others = {"34020000002150000001": True, "34020000001340000001": True, "340200": True}
    assert channels_of(cameras | others) == cameras
    odd = {"34020000001110000009": True}
    assert channels_of(odd | others) == odd


def test_an_empty_catalogue_is_one_and_a_huge_one_is_none() -> None:
    catalogue = Catalogue()
    assert catalogue.fields() == {}
    body = wire("catalog-item").replace(b"<SumNum>16", b"<SumNum>0")
    assert catalogue.take(read_document(body))
    assert catalogue.fields() == {"channels_on": 0, "channels_off": 0, "channels_total": 0}
    assert not catalogue.take(read_document(wire("catalog-item").replace(b"<SumNum>16", b"<SumNum>99999")))
    assert not catalogue.missing


@pytest.mark.parametrize(
    ("method", "kind", "words", "terminal", "event"),
    [
        (2, 0, "", True, "help_call"),
        (1, 0, "", True, "help_call"),
        (7, 0, "", True, "help_call"),
        (5, 0, "", True, ""),
        (5, 0, "SOS", True, "help_call"),
        (2, 2, "", True, "tamper"),
        (2, 2, "", False, "tamper"),
        (2, 3, "", True, ""),
        (2, 3, "紧急按钮", True, "help_call"),
        (6, 1, "", True, ""),
        (2, 0, "紧急按钮", False, ""),
        (2, 0, "按键测试", True, "test_call"),
        (2, 0, "测试机 紧急按钮", True, "help_call"),  # a name is no reason to take a call for a test
    ],
)
def test_what_an_alarm_means(method: int, kind: int, words: str, terminal: bool, event: str) -> None:
    assert event_of(Alarm(NVR, method, 1, kind, words), terminal=terminal, buttons=()) == event


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["keepalive-faulty", "catalog-item", "alarm"]), st.integers(0, 900), st.binary(max_size=6))
def test_mangled_documents_are_read_or_refused(name: str, at: int, put: bytes) -> None:
    whole = wire(name)
    try:
        read = read_document(whole[:at] + put + whole[at + len(put) :])
    except XmlError:
        return
    assert len(read.code) >= 18
