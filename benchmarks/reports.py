"""The load's messages, made beforehand: only boot, `seq` and times are put in as they go out."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from benchmarks import wire
from shouwang.topics import Channel, topic
from simulators.device import Device, Moment
from simulators.fleet import SimCentre

VARIANTS = 24
"""So many different states of a centre's devices are made; each centre begins at another one, so values are noisy."""


def variants(centre: SimCentre, readings_a_report: int, seed: int = 1) -> list[list[bytes]]:
    """For each variant, the reports that together hold every device of the centre."""
    encode = msgspec.json.Encoder().encode
    devices = [Device(device.device, device.kind, seed) for device in centre.devices]
    made: list[list[bytes]] = []
    for number in range(VARIANTS):
        moment = Moment(number * 30.0, (8 + number / 4) % 24)
        parts = []
        for place, device in enumerate(devices):
            fields = device.reading(moment) or {}
            parts.append(encode({"device": device.name, "kind": device.kind, "age_ms": 40 * place, **fields}))
        made.append([b",".join(part) for part in _pieces(parts, readings_a_report)])
    return made


def _pieces(parts: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    return [parts[at : at + size] for at in range(0, len(parts), size)]


@dataclass(slots=True)
class Source:
    """One centre of the load: its topic, its boot and the `seq` reached."""

    region: str
    centre: str
    offset: int
    boot: str = field(default_factory=lambda: str(uuid.uuid4()))
    seq: int = 0
    packet_topic: bytes = b""
    head: bytes = b""

    def __post_init__(self) -> None:
        self.packet_topic = wire.text(topic(self.region, self.centre, Channel.REPORT))
        self.head = b'{"v":1,"boot":"%s","seq":' % self.boot.encode()

    def payload(self, readings: bytes, wall_ms: int) -> bytes:
        """The next report."""
        self.seq += 1
        return b'%s%d,"oldest":%d,"sent_at_ms":%d,"readings":[%s]}' % (
            self.head,
            self.seq,
            max(1, self.seq - 64),
            wall_ms,
            readings,
        )

    def report(self, packet_id: int, readings: bytes, wall_ms: int) -> bytes:
        """The next report, as a packet."""
        return wire.publish(self.packet_topic, packet_id, self.payload(readings, wall_ms))

    def presence(self, packet_id: int, wall_ms: int) -> bytes:
        """That its agent is online, retained."""
        said = {
            "v": 1, "online": True, "boot": self.boot, "connection": 1, "agent_version": "bench",
            "reason": "started", "at_ms": wall_ms,
        }  # fmt: skip
        where = wire.text(topic(self.region, self.centre, Channel.PRESENCE))
        return wire.publish(where, packet_id, msgspec.json.encode(said), retain=True, expiry=False)
