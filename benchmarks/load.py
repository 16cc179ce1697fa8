"""The load: a region's agents on thousands of MQTT connections, at a rate that is kept or, at 0, as fast as it goes.

Run as a process of its own (`python -m benchmarks.load`), so that its share of the processor is told apart. It prints
one line of JSON at its end, and appends `centre device last_published_ms` lines to `--silenced` for the devices that it
lets fall silent.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
from pathlib import Path
from random import Random
from typing import TextIO

from benchmarks import wire
from benchmarks.reports import VARIANTS, Source, variants
from shouwang import clock
from shouwang.topics import Channel, topic
from simulators.device import Device, Moment
from simulators.fleet import REGION_OF_BANNERS, region, region_places

KEEPALIVE_S = 300
INFLIGHT = 16
TURN_S = 0.02
LONE_DEVICE = "call-24"
"""The device that falls silent, alone, where one is to: a call terminal of its centre's agent."""
LONE_EVERY_S = 5.0


class Line(asyncio.Protocol):
    """One connection, which speaks for some centres."""

    def __init__(self, number: int, sources: list[Source], tally: Tally) -> None:
        self.sources = sources
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.inflight = 0
        self._number = number
        self._tally = tally
        self._packet_id = 0
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(wire.connect(f"bench-{self._number}", KEEPALIVE_S))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("the broker closed the connection"))
        self._tally.lost += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for kind, body in wire.packets(self._buffer):
            if kind == wire.PUBACK:
                self.inflight -= 1
                self._tally.acknowledged += 1
                if len(body) > 2 and body[2] >= 0x80:
                    self._tally.refused += 1
            elif kind == wire.PUBLISH:
                self._tally.acks_heard += 1
            elif kind == wire.CONNACK:
                if body[1]:
                    self.ready.set_exception(ConnectionError(f"refused: reason code {body[1]}"))
                else:
                    filters = [topic(source.region, source.centre, Channel.ACK) for source in self.sources]
                    self.write(wire.subscribe(1, filters))
            elif kind == wire.SUBACK and not self.ready.done():
                self.ready.set_result(None)

    def packet_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id

    def publish(self, packet: bytes) -> None:
        self.inflight += 1
        self.write(packet)

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Tally:
    """What went out and what came back."""

    def __init__(self) -> None:
        self.published = self.readings = self.acknowledged = self.refused = self.acks_heard = self.lost = 0
        self.behind_s = 0.0


async def connect(port: int, lines: int, sources: list[Source], tally: Tally) -> list[Line]:
    """Opens the connections, some hundred at a time."""
    loop = asyncio.get_running_loop()
    shares = [sources[number::lines] for number in range(lines)]
    made: list[Line] = []
    for at in range(0, lines, 100):
        some = [Line(number, shares[number], tally) for number in range(at, min(at + 100, lines))]
        for line in some:
            await loop.create_connection(lambda line=line: line, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.wait_for(asyncio.gather(*(line.ready for line in some)), 30)
        made += some
    return made


async def run(options: argparse.Namespace) -> dict[str, float]:
    """The whole load; gives its figures."""
    tally = Tally()
    made = variants(next(region(1)), options.readings)
    chance = Random(options.seed)
    sources = [
        Source(REGION_OF_BANNERS, place.code, chance.randrange(VARIANTS)) for place in region_places(options.centres)
    ]
    lines = await connect(options.port, options.connections, sources, tally)
    for line in lines:
        for source in line.sources:
            line.publish(source.presence(line.packet_id(), clock.wall_ms()))
    print("connected", flush=True)
    began = clock.mono_s()
    lone = asyncio.create_task(let_fall_silent(lines, options)) if options.silenced else None
    await publish_all(lines, made, options, tally, began)
    took_s = clock.mono_s() - began
    if lone is not None:
        await lone
    limit_s = clock.mono_s() + 30
    while any(line.inflight for line in lines) and clock.mono_s() < limit_s:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    used = resource.getrusage(resource.RUSAGE_SELF)
    for line in lines:
        line.close()
    return {
        "published": tally.published,
        "readings": tally.readings,
        "acknowledged": tally.acknowledged,
        "refused": tally.refused,
        "acks_heard": tally.acks_heard,
        "lost": tally.lost,
        "took_s": took_s,
        "behind_s": tally.behind_s,
        "cpu_s": used.ru_utime + used.ru_stime,
    }


async def publish_all(
    lines: list[Line], made: list[list[bytes]], options: argparse.Namespace, tally: Tally, began: float
) -> None:
    """Goes round the centres until the time is over. A round: every centre sends one report."""
    sizes = [[piece.count(b'"device"') for piece in variant] for variant in made]
    turns = [(line, source) for line in lines for source in line.sources]
    Random(options.seed).shuffle(turns)
    readings_sent, at, number = 0, 0, 0
    while (elapsed_s := clock.mono_s() - began) < options.seconds:
        due = options.rate * elapsed_s if options.rate else float("inf")
        wall_ms, burst, full = clock.wall_ms(), 0, 0
        while readings_sent < due and burst < 2000 and full < len(lines):
            line, source = turns[at]
            at += 1
            if at == len(turns):
                at, number = 0, number + 1
            if line.inflight >= INFLIGHT:
                full += 1
                continue
            round_ = number + source.offset
            variant = round_ // len(made[0]) % VARIANTS
            piece = round_ % len(made[variant])
            line.publish(source.report(line.packet_id(), made[variant][piece], wall_ms))
            tally.published += 1
            readings_sent += sizes[variant][piece]
            burst += 1
        if options.rate:
            tally.behind_s = max(tally.behind_s, (due - readings_sent) / options.rate)
        await asyncio.sleep(0 if burst == 2000 else TURN_S)
    tally.readings = readings_sent


async def let_fall_silent(lines: list[Line], options: argparse.Namespace) -> None:
    """Some centres report one device each few seconds, and then no more: when each spoke last goes to the file.

    These centres are beyond the fleet's share of the load: nothing else speaks for them.
    """
    chance = Random(options.seed + 1)
    lone = [
        Source(REGION_OF_BANNERS, place.code, 0)
        for place in itertools.islice(region_places(options.centres + options.lone), options.centres, None)
    ]
    last = {source.centre: options.seconds * chance.uniform(0.25, 0.6) for source in lone}
    reading = lone_reading()
    began = clock.mono_s()
    for number, source in enumerate(lone):
        line = lines[number % len(lines)]
        line.publish(source.presence(line.packet_id(), clock.wall_ms()))
    due = [(chance.random() * LONE_EVERY_S, number) for number in range(len(lone))]
    spoken: dict[str, int] = {}
    with open_lines(options.silenced) as file:
        while due:
            elapsed_s = clock.mono_s() - began
            due.sort()
            while due and due[0][0] <= elapsed_s:
                at_s, number = due.pop(0)
                source, line = lone[number], lines[number % len(lines)]
                spoken[source.centre] = wall_ms = clock.wall_ms()
                line.publish(source.report(line.packet_id(), reading, wall_ms))
                if at_s + LONE_EVERY_S < last[source.centre]:
                    due.append((at_s + LONE_EVERY_S, number))
                else:
                    file.write(f"{source.centre} {LONE_DEVICE} {wall_ms}\n")
                    file.flush()
            await asyncio.sleep(TURN_S)


def open_lines(path: str) -> TextIO:
    """A file to which lines are appended."""
    return Path(path).open("a", encoding="utf-8")


def lone_reading() -> bytes:
    """The lone device's reading."""
    fields = Device(LONE_DEVICE, "call_terminal").reading(Moment(0, 12)) or {}
    return json.dumps({"device": LONE_DEVICE, "kind": "call_terminal", "age_ms": 0, **fields}).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--centres", type=int, default=14_592)
    parser.add_argument("--connections", type=int, default=2_048)
    parser.add_argument("--readings", type=int, default=50, help="readings a report")
    parser.add_argument("--rate", type=float, default=24_000, help="readings a second; 0: as fast as it goes")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--lone", type=int, default=0, help="devices that fall silent")
    parser.add_argument("--silenced", default="", help="file for when each of them spoke last")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = options.connections + 100
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    print(json.dumps(asyncio.run(run(options))), flush=True)


if __name__ == "__main__":
    main()
