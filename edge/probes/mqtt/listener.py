"""Listens to the centre's own broker: presses become calls for help at once, the rest readings.

What the broker had kept (retained) and what a bridge repeats from its cache is no sign of life and no press.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.hearing import Heard, Listened, Listener, Say, is_kept
from edge.probes.mqtt import tasmota, zigbee2mqtt
from edge.probes.mqtt.said import Said, event_of
from edge.probes.mqtt.settings import MqttOptions, MqttSettings, checked
from edge.probing import Around, ProbeConfigError
from edge.remembered import Memory
from edge.secrets import UnknownSecretError
from shouwang.dial import tls_context
from shouwang.mqtt import Message, MqttClient
from shouwang.mqtt_shapes import MqttOptions as ClientOptions
from shouwang.mqtt_shapes import split_url
from shouwang.vocabulary import Driver

_log = logging.getLogger("edge.mqtt")

_MESSAGE_BYTES_MAX = 65_536
_SESSION_S = 300
"""A press while the agent starts anew waits so long at the broker."""
_CACHE_S = 10.0
"""After a bridge has come up, it repeats what it has cached."""
_SAME_PRESS_S = 2.0
"""One press that is said on two topics, or twice on one."""
_PRESS_AGAIN_S = 10.0
"""A button that does not say that it was let go has been pressed again."""
_ACTIONS_MAX = 32
_FRESH_MS = 60_000


@dataclass(slots=True)
class _Device:
    """One device of the list, and what is known of it. `kept`: the last retained state, by topic. `rest`, `link`,
    `heard_at_ms`: of its last whole state; `spoke`: in this life, for over a restart `rest` alone is known."""

    listened: Listened
    name: str
    settings: MqttSettings
    known: dict[str, Any] = field(default_factory=dict)
    pressed: dict[str, bool] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    rest: str = ""
    spoke: bool = False
    link: float | None = None
    heard_at_ms: int | None = None

    @property
    def topics(self) -> list[str]:
        if self.settings.speaks == "zigbee2mqtt":
            return zigbee2mqtt.topics(self.name, self.settings)
        return tasmota.topics(self.name, self.settings)


class MqttListener(Listener):
    """Target: the device's name on its topics: zigbee2mqtt's friendly name, or Tasmota's topic, or `bridge/0x4F2E`."""

    driver = Driver.MQTT
    Settings = MqttSettings
    Options = MqttOptions

    def __init__(self, options: Any, around: Around, say: Say) -> None:
        super().__init__(options, around, say)
        self._client: MqttClient | None = None
        self._devices: dict[str, _Device] = {}
        self._by_topic: dict[str, list[_Device]] = {}
        self._bridges: set[str] = set()
        self._came_up: dict[str, float] = {}
        self._gone: set[str] = set()
        self._trouble = ""
        self._keeping: set[asyncio.Task[None]] = set()
        self._pressed = Memory(around.state_directory / "heard-mqtt.json")

    async def start(self) -> None:
        """Connects as soon as it can, and stays connected. Raises OSError for options that cannot work."""
        try:
            client = MqttClient(
                self._client_options(),
                on_connected=self._connected,
                on_disconnected=self._disconnected,
                on_message=self._received,
            )
        except (ValueError, UnknownSecretError) as error:
            raise OSError(f"[mqtt] of listen.toml: {error}") from error
        self._client = client
        client.start()

    def watch(self, devices: Sequence[Listened]) -> None:
        """What is known of devices that stay is kept."""
        before, self._devices = self._devices, {}
        self._by_topic = defaultdict(list)
        for listened in devices:
            try:
                name = checked(listened.target, listened.settings)
            except ProbeConfigError as error:
                _log.warning("not listened for device=%s reason=%r", listened.device, str(error))
                continue
            made = _Device(listened, name, listened.settings)
            old = before.get(listened.device)
            if old is not None and old.listened.target == listened.target:
                made.known, made.pressed, made.told, made.kept = old.known, old.pressed, old.told, old.kept
                made.rest, made.spoke, made.link, made.heard_at_ms = old.rest, old.spoke, old.link, old.heard_at_ms
            elif (before_restart := self._pressed.get(listened.device)).get("target") == listened.target:
                made.pressed = dict.fromkeys(map(str, before_restart.get("pressed", ())), True)
                made.rest = str(before_restart.get("rest", ""))
            self._devices[listened.device] = made
            for topic in {topic.removesuffix("/+") for topic in made.topics}:
                self._by_topic[topic].append(made)
        self._pressed.keep_only(set(self._devices))
        self._bridges = {
            zigbee2mqtt.bridge_topic(each.settings)
            for each in self._devices.values()
            if each.settings.speaks == "zigbee2mqtt"
        }
        if self._client is not None and self._client.connected:
            self._subscribe()

    def trouble(self) -> str:
        return self._trouble and f"no connection to {self.options.broker}: {self._trouble}"

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    # --- the line

    def _client_options(self) -> ClientOptions:
        said: MqttOptions = self.options
        secure = split_url(said.broker)[2]
        named = hashlib.sha256(str(self.around.state_directory.absolute()).encode()).hexdigest()[:12]
        return ClientOptions(
            url=said.broker,
            client_id=said.client_id or f"shouwang-{named}",
            username=said.user or None,
            password=self.around.secrets.reveal(said.password) or None,
            tls=tls_context(Path(said.ca_file) if said.ca_file else None) if secure else None,
            session_expiry_s=_SESSION_S,
            receive_maximum=64,
            manual_ack=True,
            maximum_packet_size=_MESSAGE_BYTES_MAX,
            backoff_max_s=30.0,
        )

    def _connected(self, _session_present: bool) -> None:
        self._trouble = ""
        _log.info("connected broker=%s", self.options.broker)
        self._subscribe()

    def _disconnected(self, reason: str) -> None:
        if reason != self._trouble:  # once when it goes, and once for each new reason
            self._trouble = reason
            _log.warning("no connection broker=%s reason=%r", self.options.broker, reason)

    def _subscribe(self) -> None:
        wanted = {topic for device in self._devices.values() for topic in device.topics}
        wanted |= self._bridges
        if wanted and self._client is not None:
            self._client.subscribe([(topic, 1) for topic in sorted(wanted)])

    # --- what was heard

    def _received(self, message: Message) -> None:
        now_s = self.around.clock.now().mono_s
        calls: list[Awaitable[bool]] = []
        if message.topic in self._bridges:
            self._bridge(message, now_s)
        for topic, part in ((message.topic, ""), message.topic.rpartition("/")[::2]):
            for device in self._by_topic.get(topic, ()):
                said = self._read(device, message, part)
                if said is not None and (told := self._take(device, said, message, now_s)) is not None:
                    calls.append(told)
        self._ack(message, calls)

    def _ack(self, message: Message, calls: Sequence[Awaitable[bool]]) -> None:
        """A press is acknowledged when it is on the disk: else the broker gives it out once more."""
        if self._client is None or not message.qos:
            return
        if not calls:
            self._client.ack(message)
            return
        task = asyncio.get_running_loop().create_task(self._ack_when_kept(self._client, message, calls))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _ack_when_kept(self, client: MqttClient, message: Message, calls: Sequence[Awaitable[bool]]) -> None:
        if all([await is_kept(told) for told in calls]):
            client.ack(message)
            return
        for device in self._devices.values():
            device.told.clear()  # what is told again is told anew
        client.drop()  # it is given out again on the next connection

    def _bridge(self, message: Message, now_s: float) -> None:
        online = zigbee2mqtt.is_online(message.payload)
        if online and not message.retain:
            self._came_up[message.topic] = now_s
        if online:
            self._gone.discard(message.topic)
        elif online is False and message.topic not in self._gone:
            self._gone.add(message.topic)
            _log.warning("the bridge is gone topic=%s: its devices are not heard", message.topic)

    def _read(self, device: _Device, message: Message, part: str) -> Said | None:
        if device.settings.speaks == "zigbee2mqtt":
            return zigbee2mqtt.read(part, message.payload, device.settings)
        return tasmota.read(message.topic.rpartition("/")[2], message.payload, device.name, device.settings)

    def _take(self, device: _Device, said: Said, message: Message, now_s: float) -> Awaitable[bool] | None:
        """What tells whether its event is kept; None where it is none."""
        repeated = message.retain or self._is_cache(device, message, now_s)
        device.known |= said.fields
        event, action = self._event(device, said, now_s, repeated=repeated)
        self._remember(device, said)
        if message.retain and said.alive:
            device.kept[message.topic] = hashlib.sha256(message.payload).digest()
        fields = self._fields(device, said, repeated=repeated and not event)
        if not fields and not event:
            return None
        detail = {"action": action} if event else {}
        told = self.say(Heard(device.listened.device, now_s, fields, event, detail))
        return told if event else None

    def _is_cache(self, device: _Device, message: Message, now_s: float) -> bool:
        """Just after its bridge has come up; but a press then is one, unless it is the one that the broker had kept."""
        if device.settings.speaks != "zigbee2mqtt":
            return False
        up_s = self._came_up.get(zigbee2mqtt.bridge_topic(device.settings))
        if up_s is None or now_s - up_s > _CACHE_S:
            return False
        kept = device.kept.get(message.topic)
        if kept is not None:
            return kept == hashlib.sha256(message.payload).digest()
        said = self._read(device, message, "")
        return said is None or not said.action

    def _event(self, device: _Device, said: Said, now_s: float, *, repeated: bool) -> tuple[str, str]:
        begun = [name for name, yes in said.pressed.items() if yes and not device.pressed.get(name)]
        again = said.told_now or self._has_spoken_again(device, said)
        held = [name for name, yes in said.pressed.items() if yes and again and name not in begun]
        again_s = _PRESS_AGAIN_S if held else _SAME_PRESS_S
        device.pressed |= said.pressed
        action = said.action or next(iter(begun + held), "")
        event = event_of(action, device.settings) if action and not repeated else ""
        if event:
            before = device.told.get(f"{event} {action}")
            if len(device.told) > _ACTIONS_MAX:
                device.told.clear()
            if before is not None and now_s - before <= again_s:
                return "", ""
            device.told[f"{event} {action}"] = now_s
        return event, action[:64]

    def _has_spoken_again(self, device: _Device, said: Said) -> bool:
        """Whether the device itself spoke and told nothing new: then, where something is still said to be pressed, it
        was pressed again. A report tells another battery; a bridge that repeats its state tells the same hearing."""
        if not device.settings.again or not said.rest or said.rest != device.rest:
            return False
        if said.heard_at_ms is not None:
            before_ms = device.heard_at_ms
            if before_ms is None:
                before_ms = self.around.clock.now().wall_ms - _FRESH_MS
            return said.heard_at_ms > before_ms
        return not device.spoke or said.link != device.link

    def _remember(self, device: _Device, said: Said) -> None:
        if not said.rest:
            return
        device.rest, device.spoke, device.link, device.heard_at_ms = said.rest, True, said.link, said.heard_at_ms
        pressed = sorted(name for name, yes in device.pressed.items() if yes)
        facts = {"target": device.listened.target, "pressed": pressed, "rest": said.rest} if pressed else {}
        self._pressed.put(device.listened.device, facts)

    def _fields(self, device: _Device, said: Said, *, repeated: bool) -> dict[str, Any]:
        """Of a reading; empty for what says nothing about now."""
        if said.reachable is False:
            return {"reachable": False}
        if not said.alive:
            return {}
        age_ms = 0
        if said.heard_at_ms is not None:
            age_ms = max(0, self.around.clock.now().wall_ms - said.heard_at_ms)
            repeated = age_ms > _FRESH_MS if not said.action else False
        if repeated:
            return {}
        return {"reachable": True, "last_heard_age_ms": age_ms} | device.known
