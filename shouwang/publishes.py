"""Plain PUBLISH packets, read from and written into the connection itself: nearly all that a collector hears and says,
at a tenth of what the client library takes for one. Whatever is not of the plain kind is left to the library.

MQTT 5 (OASIS), 2.1 and 3.3: first byte, remaining length, topic, packet id (QoS 1), properties, payload.
"""

from __future__ import annotations

from dataclasses import dataclass

MORE = object()
"""Not all of it is there yet."""
_SHORTEST = 5  # type, length, an empty topic's length, no properties
_PLAIN, _PLAIN_MASK = 0x30, 0xF4  # PUBLISH of QoS 0 or 1, doubled and retained or not
_QOS_1, _RETAIN = 0x02, 0x01
_MESSAGE_EXPIRY = 2


@dataclass(slots=True)
class Publish:
    """`end` is where the next packet begins; `mid` is 0 for QoS 0."""

    end: int
    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    expiry_s: int | None


def read_publish(data: bytes, at: int) -> Publish | object | None:
    """The packet that begins at `at`; MORE when it is not all there, None when it is none, or has other properties than
    a Message Expiry, or is not well formed."""
    if at < len(data) and data[at] & _PLAIN_MASK != _PLAIN:
        return None
    if len(data) - at < _SHORTEST:
        return MORE
    first = data[at]
    length, start, shift = 0, at + 1, 0
    while True:
        byte = data[start]
        start += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 21:
            return None
    end = start + length
    if length < 3:
        return None
    if end > len(data):
        return MORE
    named = start + 2 + (data[start] << 8 | data[start + 1])
    if named + (3 if first & _QOS_1 else 1) > end:
        return None
    qos = mid = 0
    properties = named
    if first & _QOS_1:
        qos, mid, properties = 1, data[named] << 8 | data[named + 1], named + 2
    expiry_s = None
    body = properties + 1 + data[properties]
    if body > end:
        return None
    if body != properties + 1:
        if body != properties + 6 or data[properties + 1] != _MESSAGE_EXPIRY:
            return None
        expiry_s = int.from_bytes(data[properties + 2 : body], "big")
    try:
        topic = data[start + 2 : named].decode()
    except UnicodeDecodeError:
        return None
    return Publish(end, topic, data[body:end], qos, bool(first & _RETAIN), mid, expiry_s)


def write_publish(topic: str, payload: bytes) -> bytes:
    """A packet of QoS 0 that is not retained and has no properties."""
    name = topic.encode()
    length = 2 + len(name) + 1 + len(payload)
    head = bytearray(b"\x30")
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return b"%b%b%b\x00%b" % (bytes(head), len(name).to_bytes(2, "big"), name, payload)
