"""A modelled broker: it delays, doubles and reorders, keeps a session, and sometimes forgets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from shouwang.messages import Presence
from tests.simulation.clock import World

QUEUE_MAX = 400
"""What is more is dropped, the newest first, although it was acknowledged to the agent: as Mosquitto does."""


@dataclass(slots=True)
class Message:
    """On its way to the collector. `handed_s`: when the agent handed it over."""

    channel: str  # presence, report, event
    path: str
    body: Any
    handed_s: float
    retained: bool = False


@dataclass(slots=True)
class Delivery:
    """One time that a message comes to the collector. `held_ms`: how long the broker kept it, in whole seconds."""

    message: Message
    held_ms: int


class Broker:
    """`deliver` hands a message to the collector while that is connected; what it has not confirmed comes again."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.up = True
        self.trouble = 0.0  # how likely a message is doubled or much delayed
        self.retained: dict[str, Presence] = {}
        self.session: list[Message] = []  # not yet delivered, or delivered and not confirmed
        self.inbox: list[Delivery] = []  # delivered
        self._backlog: set[int] = set()  # what was queued when the collector connected
        self.connected = False
        self.dropped = 0
        self.on_ack: dict[str, Callable[[dict[str, list[tuple[int, int]]]], None]] = {}

    # --- agents

    def publish(self, channel: str, path: str, body: Any) -> bool:
        """Whether the broker took it."""
        if not self.up:
            return False
        if isinstance(body, Presence):
            self.retained[path] = body
        message = Message(channel, path, body, self.world.at_s)
        if self.connected or len(self.session) < QUEUE_MAX:
            self.session.append(message)
            self._send(message)
        else:
            self.dropped += 1
        return True

    def acknowledge(self, path: str, boots: dict[str, list[tuple[int, int]]]) -> None:
        """The collector's `ack` to an agent: QoS 0, it may be lost."""
        if self.up and self.random.random() > self.trouble:
            self.world.later(self.random.uniform(0, 0.5), lambda: self.on_ack[path](boots))

    # --- the collector

    def connect(self) -> bool:
        """A connection of the collector: retained presence, and whatever its session still holds."""
        if not self.up:
            return False
        self.connected = True
        self.inbox = []
        self._backlog = {id(message) for message in self.session}
        for message in self.session:
            self._send(message, late=False)
        # a session that is resumed is sent first; what is retained follows the subscription
        self.world.later(0.5, self._send_retained)
        return True

    def disconnect(self) -> None:
        self.connected = False
        self.inbox = []

    def confirm(self, messages: list[Message]) -> None:
        """They are in the collector's journal."""
        done = {id(message) for message in messages}
        self.session = [message for message in self.session if id(message) not in done]
        self._backlog -= done

    @property
    def drained(self) -> bool:
        """Whether a fence sent at the connection has come back, behind all that was queued before it."""
        return self.connected and not self._backlog

    # --- faults

    def forget_session(self) -> None:
        self.session = []
        self._backlog = set()

    def go_down(self) -> None:
        self.up = False
        self.disconnect()

    def _send(self, message: Message, *, late: bool = True) -> None:
        if not self.connected:
            return
        delay_s = self.random.uniform(0, 0.3)
        held_ms = 0 if message.channel == "presence" else int(self.world.at_s - message.handed_s) * 1000
        delivery = Delivery(message, held_ms)
        if late and message.channel != "presence":  # one agent's presence keeps its order: one connection, QoS 1
            if self.random.random() < self.trouble:
                delay_s += self.random.uniform(0, 20)
            if self.random.random() < self.trouble:
                self.world.later(delay_s + self.random.uniform(0, 30), lambda: self._arrive(delivery))
        elif message.channel == "presence":
            delay_s = 0.1
        self.world.later(delay_s, lambda: self._arrive(delivery))

    def _send_retained(self) -> None:
        for path, body in self.retained.items():
            self._arrive(Delivery(Message("presence", path, body, self.world.at_s, True), 0))

    def _arrive(self, delivery: Delivery) -> None:
        if self.connected:
            self.inbox.append(delivery)
