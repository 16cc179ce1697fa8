"""Keeps the broker of a centre saying what Home Assistant is to know: what is wanted there is compared with what was
published, so that a lost connection, a restart or a device that is gone leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from edge.homeassistant.entities import EVENTS, Said, of_centre, of_device
from edge.homeassistant.file import HomeAssistantFile
from edge.probing import Around
from edge.rows import Event, Reading
from edge.watchlist import Watched
from shouwang.dial import tls_context
from shouwang.kinds import Kind
from shouwang.mqtt import Message, MqttClient, MqttOptions, Will, split_url

_log = logging.getLogger("edge.homeassistant")

_EVENTS_HELD = 16
_EVENT_FRESH_S = 60.0
"""A call that could not be said for so long is not said any more: here it would come as if it were now."""
_CLEARED_MAX = 5_000
_PUBLISH_S = 10.0
_GOODBYE_S = 2.0

_encode = msgspec.json.Encoder().encode


class HomeAssistant:
    """Await `run()`; tell it of devices, readings and events. Telling costs no I/O and never waits.

    Raises ValueError, OSError or UnknownSecretError for a broker that cannot be reached as it is named.
    """

    def __init__(self, said: HomeAssistantFile, centre: str, around: Around, kinds: Mapping[str, Kind]) -> None:
        self._said = Said(centre, said.prefix, said.topics, said.language)
        self._kinds, self._clock = kinds, around.clock
        topic, config = of_centre(self._said)
        self._fixed = {topic: _encode(config), self._said.presence: b"online"}
        self._wanted: dict[str, bytes] = dict(self._fixed)
        self._published: dict[str, bytes] = {}
        self._known: set[str] | None = None  # the devices, once they are
        self._events: deque[tuple[float, str, bytes]] = deque(maxlen=_EVENTS_HELD)
        self._woken = asyncio.Event()
        self._trouble = ""
        secure = split_url(said.broker)[2]
        self._client = MqttClient(
            MqttOptions(
                url=said.broker,
                client_id=said.client_id or f"shouwang-home-{centre}",
                username=said.user or None,
                password=around.secrets.reveal(said.password) or None,
                tls=tls_context(Path(said.ca_file) if said.ca_file else None) if secure else None,
                clean_start=True,
                session_expiry_s=0,
                maximum_packet_size=65_536,
                backoff_max_s=30.0,
            ),
            on_connected=self._connected,
            on_disconnected=self._disconnected,
            on_message=self._received,
            will=lambda: Will(self._said.presence, b"offline", delay_s=0),
        )

    def watch(self, devices: Iterable[Watched]) -> None:
        """The devices of the centre, all of them; what is known of those that stay, stays."""
        listed = {each.device: each for each in devices if each.kind in self._kinds}
        wanted = dict(self._fixed)
        for name, watched in listed.items():
            for topic, config in of_device(self._said, name, self._kinds[watched.kind], watched.interval_s):
                wanted[topic] = _encode(config)
            state = self._said.state(name)
            if state in self._wanted:
                wanted[state] = self._wanted[state]
        gone = (self._published.keys() | self._wanted.keys()) - wanted.keys()
        self._wanted = wanted | dict.fromkeys(gone, b"")
        self._known = set(listed)
        if self._client.connected:
            self._ask_what_is_kept()
        self._woken.set()

    def reading(self, reading: Reading) -> None:
        """A device's newest reading."""
        if self._known is None or reading.device not in self._known:
            return
        self._wanted[self._said.state(reading.device)] = _encode(reading.fields)
        self._woken.set()

    def event(self, event: Event) -> None:
        """Something that happened, as a help call."""
        kind = event.event if event.event in EVENTS else "other"
        said = _encode({"event_type": kind, "event": event.event[:64]})
        self._events.append((event.taken_mono_s, self._said.event(event.device), said))
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; then says that the agent is gone."""
        self._client.start()
        try:
            while True:
                self._woken.clear()
                if self._client.connected and await self._say_all():
                    continue
                await self._woken.wait()
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._client.publish(self._said.presence, b"offline", retain=True)
            await self._client.close()

    async def _say_all(self) -> bool:
        """Publishes what differs; False when nothing is left, or the broker does not take it now."""
        while self._events:
            at_s, topic, payload = self._events[0]
            if self._clock.now().mono_s - at_s <= _EVENT_FRESH_S and not await self._publish(topic, payload, False):
                return False
            self._events.popleft()
        for topic, payload in list(self._wanted.items()):
            if self._published.get(topic) == payload:
                continue
            if not await self._publish(topic, payload, True):
                return False
            if payload:
                self._published[topic] = payload
            else:
                self._published.pop(topic, None)
                if self._wanted.get(topic) == b"":
                    del self._wanted[topic]
            if self._events:
                return True  # a call goes first
        return False

    async def _publish(self, topic: str, payload: bytes, retain: bool) -> bool:
        try:
            async with asyncio.timeout(_PUBLISH_S):
                done = await self._client.publish(topic, payload, retain=retain)
        except TimeoutError:
            self._client.drop()
            return False
        if done.ok:
            return True
        if self._client.connected:  # refused: said once a connection, and not tried again until the next
            self._refused(topic, done.reason)
            self._published[topic] = payload
            return True
        return False

    def _refused(self, topic: str, reason: str) -> None:
        trouble = f"{reason}: is the user allowed to write {topic.rpartition('/')[0]}/#?"
        if not self._trouble:
            self._trouble = trouble
            _log.warning("the broker takes not all topic=%s reason=%r", topic, trouble)

    # --- the line

    def _connected(self, _session_present: bool) -> None:
        self._trouble = ""
        self._published.clear()
        _log.info("connected broker=%s", self._client.options.url)
        if self._known is not None:
            self._ask_what_is_kept()
        self._woken.set()

    def _disconnected(self, reason: str) -> None:
        if reason != self._trouble:  # once when it goes, and once for each new reason
            self._trouble = reason
            _log.warning("no connection broker=%s reason=%r", self._client.options.url, reason)

    def _ask_what_is_kept(self) -> None:
        said = self._said
        self._client.subscribe([(f"{said.prefix}/+/{said.node}/+/config", 0), (said.state("+"), 0)])

    def _received(self, message: Message) -> None:
        """What the broker keeps of a device that is no more is cleared."""
        if not message.retain or not message.payload or message.topic in self._wanted or self._known is None:
            return
        if any(message.topic == self._said.state(device) for device in self._known):
            return  # the last state of one that is still there
        if len(self._wanted) < _CLEARED_MAX + len(self._known) * 100:
            self._wanted[message.topic] = b""
            self._woken.set()
