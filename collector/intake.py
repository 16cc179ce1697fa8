"""From a message as the broker gives it to one that can be decided on: decoded, or set aside with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shouwang import topics
from shouwang.clock import Now
from shouwang.kinds import Kinds
from shouwang.messages import Aside, Codec, Event, Malformed, Presence, Reply, Report
from shouwang.mqtt import Message
from shouwang.topics import MESSAGE_EXPIRY_S, Channel


@dataclass(slots=True)
class Taken:
    """A message that intake could read. `body` is the decoded message; None when only asides came of it."""

    channel: Channel
    region: str
    path: str
    received: Now
    held_ms: int
    payload: bytes
    body: Report | Event | Presence | Reply | None
    retained: bool = False
    asides: list[Aside] = field(default_factory=list)

    @property
    def row(self) -> tuple[str, int] | None:
        """Boot and `seq` of the agent's outbox row that this is; None for what is no row."""
        if isinstance(self.body, Report):
            return self.body.head.boot, self.body.head.seq
        return (self.body.boot, self.body.seq) if isinstance(self.body, Event) else None


class Intake:
    """Stateless but for its compiled decoders."""

    def __init__(self, kinds: Kinds) -> None:
        self.codec = Codec(kinds)

    def take(self, message: Message, now: Now) -> Taken | Aside:
        """Never raises for what came from outside. A message on a foreign topic is an Aside alone."""
        topic = topics.parse(message.topic)
        if topic is None or topic.channel in (Channel.ACK, Channel.CONFIG, Channel.COMMAND):
            return Aside("foreign_topic", message.topic[:128], text=message.payload[:512].decode("utf-8", "replace"))
        held = held_ms(topic.channel, message.expiry_s)
        return self.read(topic.channel, topic.region, topic.path, message.payload, now, held, message.retain)

    def read(
        self, channel: Channel, region: str, path: str, payload: bytes, now: Now, held: int, retained: bool = False
    ) -> Taken:
        """Decodes a payload of a channel, from the broker or from the journal."""
        taken = Taken(channel, region, path, now, held, payload, None, retained)
        try:
            taken.body = self._decode(channel, payload)
        except Malformed as error:
            taken.asides.append(error.aside)
        if isinstance(taken.body, Report):
            taken.asides.extend(taken.body.asides)
        return taken

    def _decode(self, channel: Channel, payload: bytes) -> Any:
        match channel:
            case Channel.REPORT:
                return self.codec.report(payload)
            case Channel.EVENT:
                return self.codec.event(payload)
            case Channel.PRESENCE:
                return self.codec.presence(payload)
            case _:
                return self.codec.reply(payload)


def held_ms(channel: Channel, expiry_s: int | None) -> int:
    """How long the broker held a message: what Message Expiry has lost of its 604,800 s (MQTT 5, 3.3.2.3.3)."""
    if channel not in (Channel.REPORT, Channel.EVENT) or expiry_s is None:
        return 0
    return max(0, MESSAGE_EXPIRY_S - expiry_s) * 1000
