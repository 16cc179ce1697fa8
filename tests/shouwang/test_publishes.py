"""Reading a PUBLISH past the client library: the same as the library reads, and nothing that it would not."""

from __future__ import annotations

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shouwang.mqtt_paho import Paho
from shouwang.publishes import MORE, Publish, read_publish, write_publish

_TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\0#+"), min_size=1, max_size=40)


def _length(number: int) -> bytes:
    made = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        made.append(low | (0x80 if number else 0))
        if not number:
            return bytes(made)


def _packet(
    topic: bytes, payload: bytes, *, qos: int = 1, mid: int = 7, properties: bytes = b"", flags: int = 0
) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + (mid.to_bytes(2, "big") if qos else b"")
    body += _length(len(properties)) + properties + payload
    return bytes([0x30 | qos << 1 | flags]) + _length(len(body)) + body


def _expiry(seconds: int) -> bytes:
    return b"\x02" + seconds.to_bytes(4, "big")


def _as_paho_reads(packet: bytes) -> tuple[str, bytes, int, bool, int, int | None]:
    """paho's client, given these bytes as if from a socket."""
    heard: list[paho.MQTTMessage] = []
    client = Paho(CallbackAPIVersion.VERSION2, client_id="one", protocol=paho.MQTTv5, manual_ack=True)
    client.on_message = lambda _client, _data, message: heard.append(message)
    waiting = bytearray(packet)

    def receive(size: int) -> bytes:
        piece = bytes(waiting[:size])
        del waiting[:size]
        return piece

    client._sock_recv = receive  # type: ignore[method-assign, assignment]
    assert client.between_packets
    client._packet_read()
    assert client.between_packets
    (message,) = heard
    expiry_s = getattr(message.properties, "MessageExpiryInterval", None)
    return message.topic, bytes(message.payload), message.qos, message.retain, message.mid, expiry_s


@settings(max_examples=60)
@given(
    topic=_TOPICS,
    payload=st.binary(max_size=300),
    qos=st.sampled_from([0, 1]),
    mid=st.integers(1, 65_535),
    expiry_s=st.none() | st.integers(0, 2**32 - 1),
    flags=st.sampled_from([0, 1]),
    before=st.binary(max_size=5),
)
def test_it_reads_what_paho_reads(
    topic: str, payload: bytes, qos: int, mid: int, expiry_s: int | None, flags: int, before: bytes
) -> None:
    properties = b"" if expiry_s is None else _expiry(expiry_s)
    packet = _packet(topic.encode(), payload, qos=qos, mid=mid, properties=properties, flags=flags)
    found = read_publish(before + packet + b"more", len(before))
    assert isinstance(found, Publish)
    said = (found.topic, found.payload, found.qos, found.retain, found.mid, found.expiry_s)
    assert said == _as_paho_reads(packet)
    assert found.end == len(before) + len(packet)
    for cut in range(len(packet)):
        assert read_publish(packet[:cut], 0) is MORE, "not all of it is there yet"


@pytest.mark.parametrize("size", [10, 127, 128, 16_383, 16_384, 1_200_000])
def test_any_length(size: int) -> None:
    found = read_publish(_packet(b"t", b"x" * size), 0)
    assert isinstance(found, Publish)
    assert len(found.payload) == size


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(b"\xd0\x00\x00\x00\x00", id="a ping's answer"),
        pytest.param(_packet(b"t", b"", qos=2), id="QoS 2"),
        pytest.param(_packet(b"t", b"", properties=b"\x08\x00\x01r\x09\x00\x01c"), id="a response topic"),
        pytest.param(_packet(b"t", b"", properties=b"\x01\x01\x01\x01\x01\x01"), id="five bytes of something else"),
        pytest.param(_packet(b"\xff\xfe", b""), id="no UTF-8"),
        pytest.param(b"\x32\x05\x00\xfft\x00\x01\x00", id="a topic longer than its packet"),
        pytest.param(b"\x30\x80\x80\x80\x80\x01", id="a length of five bytes"),
        pytest.param(b"\x30\x00\x00\x00\x00\x00", id="nothing in it"),
    ],
)
def test_whatever_is_not_plain_is_left_to_paho(packet: bytes) -> None:
    assert read_publish(packet, 0) is None


@given(st.binary(max_size=40), st.integers(0, 5))
def test_no_bytes_break_it(data: bytes, at: int) -> None:
    found = read_publish(b"\x32" + data, at)
    assert found is None or found is MORE or (isinstance(found, Publish) and at < found.end <= len(data) + 1)


def test_paho_keeps_what_is_written_past_it() -> None:
    """Its clockwork of signs of life is what keepalive runs on."""
    client = Paho(CallbackAPIVersion.VERSION2, client_id="one", protocol=paho.MQTTv5)
    heard, said = client._last_bytes_received, client._last_msg_out
    client.note_heard()
    client.note_said()
    assert client._last_bytes_received >= heard
    assert client._last_msg_out >= said
    assert Properties(PacketTypes.PUBLISH).names["Message Expiry Interval"] == 2  # type: ignore[no-untyped-call]


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0#+"), min_size=1, max_size=40), st.binary(max_size=300)
)
def test_it_reads_what_it_writes(topic: str, payload: bytes) -> None:
    packet = write_publish(topic, payload)
    assert packet == _packet(topic.encode(), payload, qos=0)
    assert read_publish(packet, 0) == Publish(len(packet), topic, payload, 0, False, 0, None)
