"""The collector's ears: two MQTT sessions, so that no help call waits behind a backlog, and the fence that tells
whether both have caught up.

What comes in waits in two bounded queues: a session whose queue is full is not read, so the broker keeps the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from collector.fence import Fence
from shouwang import clock, topics
from shouwang.log import get_logger
from shouwang.mqtt import Message, MqttClient, MqttOptions
from shouwang.topics import Channel

log = get_logger("collector.hearing")

EVENTS, REPORTS = "events", "reports"
_SUBSCRIPTIONS = {
    EVENTS: (Channel.EVENT, Channel.PRESENCE, Channel.REPLY),
    REPORTS: (Channel.REPORT,),
}
EVENT_WINDOW, REPORT_WINDOW = 200, 600
"""Receive Maximum a session; a batch is always smaller, and closed by a timer too."""
_WINDOWS = {EVENTS: EVENT_WINDOW, REPORTS: REPORT_WINDOW}
WAITING_WINDOWS = 2
"""So many windows may wait: Mosquitto 2.0 does not keep to Receive Maximum once there is a backlog."""
SESSION_EXPIRY_S = 604_800


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """Where the broker is and who we are to it."""

    url: str
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None


class Hearing:
    """Both sessions. `on_session_lost` is called when the broker had forgotten us: it may have forgotten more."""

    def __init__(
        self,
        login: BrokerLogin,
        collector_id: str,
        *,
        on_session_lost: Callable[[], None],
        on_deaf: Callable[[], None],
    ) -> None:
        self.arrived = asyncio.Event()
        self._urgent = asyncio.Event()
        self.waiting: dict[str, list[Message]] = {EVENTS: [], REPORTS: []}
        self._fence_topic = topics.fence(collector_id)
        self._fence = Fence((EVENTS, REPORTS))
        self._on_session_lost = on_session_lost
        self._on_deaf = on_deaf
        self._subscribing: set[asyncio.Task[None]] = set()
        self._clients = {
            session: MqttClient(
                MqttOptions(
                    url=login.url,
                    client_id=f"shouwang-{collector_id}-{session}",
                    username=login.username,
                    password=login.password,
                    tls=login.tls,
                    clean_start=False,
                    session_expiry_s=SESSION_EXPIRY_S,
                    keepalive_s=10,
                    receive_maximum=window,
                    max_inflight=1_000,
                    manual_ack=True,
                    backoff_min_s=0.3,
                    backoff_max_s=5.0,
                ),
                on_connected=partial(self._connected, session),
                on_disconnected=partial(self._disconnected, session),
                on_message=partial(self._received, session),
            )
            for session, window in _WINDOWS.items()
        }

    @property
    def hears(self) -> bool:
        """Connected, and nothing older than the last fence is still to come."""
        return self._fence.hears(clock.mono_s())

    @property
    def sure(self) -> bool:
        """Silence means something just now: what was said until a moment ago has been heard."""
        return self._fence.sure(clock.mono_s())

    @property
    def confirmed_s(self) -> float | None:
        """Monotonic seconds: everything said before has been heard."""
        return self._fence.confirmed_s

    @property
    def connected(self) -> bool:
        return all(client.connected for client in self._clients.values())

    @property
    def trouble(self) -> str:
        """Why it does not hear, in words."""
        if self.hears:
            return ""
        if self.connected:
            return "the broker gives nothing back: it is behind with a backlog, or hangs"
        return next((c.last_trouble for c in self._clients.values() if c.last_trouble), "") or "no broker yet"

    def start(self) -> None:
        for client in self._clients.values():
            client.start()

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def gather(self, seconds: float) -> None:
        """Lets reports come together, so that one write to disk serves many; an event waits for nothing."""
        if not self.waiting[EVENTS]:
            self._urgent.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._urgent.wait()

    def take(self, session: str, at_most: int) -> list[Message]:
        """The oldest messages waiting in a session; fences among them are noted here and not given out."""
        queue = self.waiting[session]
        taken, self.waiting[session] = queue[:at_most], queue[at_most:]
        if len(self.waiting[session]) < _WINDOWS[session]:
            self._clients[session].resume()
        given: list[Message] = []
        for message in taken:
            if message.topic == self._fence_topic:
                if not message.retain:
                    self._fence.returned(session, message.payload)
                self.ack(session, [message])
            else:
                given.append(message)
        return given

    def ack(self, session: str, messages: list[Message]) -> None:
        """Acknowledges at the broker."""
        self._clients[session].ack(*messages)

    def doubt(self) -> None:
        """We were away; nothing counts as heard until a new fence has come back."""
        self._fence.doubt()

    def tick(self) -> None:
        """Sends a fence when one is due."""
        payload = self._fence.to_send(clock.mono_s())
        if payload is not None:
            self._clients[EVENTS].publish(self._fence_topic, payload, qos=1)

    def say(self, topic: str, payload: bytes) -> None:
        """Publishes with QoS 0, and asks no more after it (acks)."""
        self._clients[EVENTS].say(topic, payload)

    def tell(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        expiry_s: int | None = None,
        response_topic: str | None = None,
        correlation: bytes | None = None,
    ) -> asyncio.Future[object]:
        """Publishes (configs, commands); the future gives the broker's answer."""
        return self._clients[EVENTS].publish(  # type: ignore[return-value]
            topic,
            payload,
            qos=qos,
            retain=retain,
            expiry_s=expiry_s,
            response_topic=response_topic,
            correlation=correlation,
        )

    def _connected(self, session: str, present: bool) -> None:
        log.info("connected", session=session, session_present=present)
        task = asyncio.get_running_loop().create_task(self._subscribe(session, present))
        self._subscribing.add(task)
        task.add_done_callback(self._subscribing.discard)

    async def _subscribe(self, session: str, present: bool) -> None:
        wanted = [(topics.every(channel), 1) for channel in _SUBSCRIPTIONS[session]] + [(self._fence_topic, 1)]
        codes = await self._clients[session].subscribe(wanted)
        if not codes:
            return  # the connection went meanwhile
        if any(code >= 0x80 for code in codes):
            log.error("subscription refused", session=session, codes=codes)
            return
        self._fence.connected(session)
        if not present:
            self._on_session_lost()

    def _disconnected(self, session: str, reason: str) -> None:
        was_hearing = self.hears
        self._fence.disconnected(session)
        self.waiting[session].clear()  # unacknowledged: the broker sends them again
        if was_hearing:
            log.warning("disconnected", session=session, reason=reason)
            self._on_deaf()

    def _received(self, session: str, message: Message) -> None:
        self.waiting[session].append(message)
        if len(self.waiting[session]) >= WAITING_WINDOWS * _WINDOWS[session]:
            self._clients[session].pause()
        self.arrived.set()
        if session == EVENTS:
            self._urgent.set()
