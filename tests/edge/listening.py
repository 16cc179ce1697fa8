"""The collector's side of the wire for tests of the agent: hears everything, and acknowledges as the contract says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import msgspec

from collector.boots import Boots
from shouwang.kinds import Kinds
from shouwang.messages import Ack, Codec, Event, Presence, Reply, encode
from shouwang.mqtt import Message, MqttClient, MqttOptions
from shouwang.topics import MESSAGE_EXPIRY_S, Channel, topic
from tests.waiting import until

REGION = "150525"


def _said(reading: Any) -> dict[str, Any]:
    """The fields of a reading that stand in it."""
    return {name: value for name, value in msgspec.structs.asdict(reading).items() if value is not None}


_CODEC = Codec(Kinds())


@dataclass
class Arrived:
    """A report or event as it came. `number` tells the order over both."""

    number: int
    boot: str
    seq: int
    oldest: int
    devices: list[str]
    ages_ms: list[int | None]
    repeat: bool
    is_event: bool
    expiry_s: int | None
    gone: list[tuple[int, int]]


@dataclass
class Listener:
    """Listens to one agent. `acking` False is a collector that hears and never answers."""

    url: str
    path: str
    acking: bool = True
    boots: Boots = field(default_factory=Boots)
    arrived: list[Arrived] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    acks_due: int = 0  # that are about to be said
    latest: dict[str, dict[str, Any]] = field(default_factory=dict)  # each device's newest reading

    async def __aenter__(self) -> Self:
        self._client = MqttClient(
            MqttOptions(self.url, f"listener-{id(self)}", backoff_min_s=0.05, backoff_max_s=0.1, receive_maximum=1000),
            on_message=self._heard,
            on_connected=lambda _present: self._subscribe(),
        )
        self._client.start()
        await until(lambda: self._client.connected, "the listener's connection")
        await self._subscribed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    def acknowledge(self) -> None:
        """Says what is stored: the whole truth."""
        self.say(self.boots.ack())

    def say(self, ack: Ack) -> None:
        self._client.publish(topic(REGION, self.path, Channel.ACK), encode(ack), qos=0)

    async def configure(self, payload: bytes) -> None:
        answer = await self._client.publish(topic(REGION, self.path, Channel.CONFIG), payload, retain=True)
        assert answer.ok

    async def command(self, payload: bytes, correlation: bytes) -> None:
        where = topic(REGION, self.path, Channel.REPLY)
        await self._client.publish(
            topic(REGION, self.path, Channel.COMMAND),
            payload,
            expiry_s=30,
            response_topic=where,
            correlation=correlation,
        )

    def readings(self) -> list[str]:
        """Devices of all readings, in order of arrival, repeats apart."""
        return [device for each in self.arrived if not each.repeat for device in each.devices]

    def _subscribe(self) -> None:
        self._subscribed = self._client.subscribe([(f"shouwang/v1/{REGION}/{self.path}/+", 1)])

    def _heard(self, message: Message) -> None:
        match message.topic.rpartition("/")[2]:
            case "report":
                report = _CODEC.report(message.payload)
                assert report.asides == []
                devices = [reading.device for reading in report.readings]
                self.latest |= {reading.device: _said(reading) for reading in report.readings}
                ages = [reading.age_ms for reading in report.readings]
                self._take(message, report.head, devices, ages, is_event=False)
            case "event":
                event = _CODEC.event(message.payload)
                self.events.append(event)
                self._take(message, event, [event.device], [event.age_ms], is_event=True)
            case "presence" if message.payload:
                self.presences.append(_CODEC.presence(message.payload))
            case "reply":
                self.replies.append(_CODEC.reply(message.payload))

    def _take(self, message: Message, head: Any, devices: list[str], ages: list[int | None], *, is_event: bool) -> None:
        self.boots.heard(head.boot, head.oldest, head.gone, 0)
        repeat = self.boots.is_repeat(head.boot, head.seq)
        self.boots.stored(head.boot, head.seq)
        self.arrived.append(
            Arrived(
                len(self.arrived),
                head.boot,
                head.seq,
                head.oldest,
                devices,
                ages,
                repeat,
                is_event,
                message.expiry_s,
                list(head.gone),
            )
        )
        assert message.expiry_s is not None
        assert message.expiry_s <= MESSAGE_EXPIRY_S
        if self.acking:
            self.acks_due += 1
            asyncio.get_running_loop().call_later(0.02, self._acknowledge_now)

    def _acknowledge_now(self) -> None:
        self.acks_due -= 1
        self.acknowledge()
