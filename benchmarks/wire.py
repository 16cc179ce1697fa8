"""As much of MQTT 5 as a load needs, as bytes: many connections must cost little beside what is measured."""

from __future__ import annotations

import struct

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 0x20, 0x30, 0x40, 0x90, 0xD0, 0xE0
PINGREQ = b"\xc0\x00"
EXPIRY_S = 604_800
_EXPIRY_PROPERTY = b"\x05\x02" + struct.pack(">I", EXPIRY_S)


def length(number: int) -> bytes:
    """A variable byte integer (MQTT 5, 1.5.5)."""
    out = bytearray()
    while True:
        number, digit = number >> 7, number & 0x7F
        out.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(out)


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def connect(client_id: str, keepalive_s: int) -> bytes:
    """A clean start, without a will."""
    body = text("MQTT") + b"\x05\x02" + struct.pack(">H", keepalive_s) + b"\x00" + text(client_id)
    return b"\x10" + length(len(body)) + body


def subscribe(packet_id: int, filters: list[str]) -> bytes:
    """At QoS 0."""
    body = struct.pack(">H", packet_id) + b"\x00" + b"".join(text(each) + b"\x00" for each in filters)
    return b"\x82" + length(len(body)) + body


def publish(topic: bytes, packet_id: int, payload: bytes, *, retain: bool = False, expiry: bool = True) -> bytes:
    """At QoS 1. `topic` is already as `text` gives it."""
    properties = _EXPIRY_PROPERTY if expiry else b"\x00"
    head = topic + struct.pack(">H", packet_id) + properties
    return b"".join((b"\x33" if retain else b"\x32", length(len(head) + len(payload)), head, payload))


def packets(buffer: bytearray) -> list[tuple[int, memoryview]]:
    """The whole packets in a buffer (kind and body), which it then holds no more."""
    found: list[tuple[int, memoryview]] = []
    at = 0
    whole = memoryview(bytes(buffer))
    while True:
        size = shift = 0
        place = at + 1
        while place < len(whole):
            byte = whole[place]
            size |= (byte & 0x7F) << shift
            shift += 7
            place += 1
            if not byte & 0x80:
                break
        else:
            break
        if place + size > len(whole):
            break
        found.append((whole[at] & 0xF0, whole[place : place + size]))
        at = place + size
    del buffer[:at]
    return found
