"""An MQTT 5 client on the running asyncio loop: paho-mqtt for the protocol, no thread, resending left to the caller.

What is not acknowledged when a connection ends is reported as lost and forgotten: agents build it anew from their
outbox, with fresh ages. Messages are acknowledged by hand where asked, and never on another connection than
the one they came on, because packet ids are used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from shouwang import clock
from shouwang.dial import Connection, DialError, Dialler
from shouwang.mqtt_line import Line
from shouwang.mqtt_paho import Paho, properties_of
from shouwang.mqtt_shapes import (
    LOST,
    LOST_PUBACK,
    NOT_AUTHORIZED,
    TAKEN_OVER,
    Message,
    MqttOptions,
    Puback,
    Will,
    split_url,
)
from shouwang.publishes import Publish, write_publish

__all__ = ["LOST", "NOT_AUTHORIZED", "Message", "MqttClient", "MqttOptions", "Puback", "Will", "split_url"]

_log = logging.getLogger("shouwang.mqtt")

_TAKEN_OVER_WAIT_S = 30.0  # two agents under one identity must not throw each other out again and again
_STEADY_S = 10.0  # a connection that held this long starts the back-off from its beginning


class MqttClient:
    """Connects, stays connected, and says when it is and when it is not. All on the loop that called `start`.

    `will` is asked anew before each connection. Callbacks must not block; one that raises is logged and costs no
    connection.
    """

    def __init__(
        self,
        options: MqttOptions,
        *,
        on_connected: Callable[[bool], None] = lambda session_present: None,
        on_disconnected: Callable[[str], None] = lambda reason: None,
        on_message: Callable[[Message], None] = lambda message: None,
        will: Callable[[], Will] | None = None,
    ) -> None:
        host, port, secure = split_url(options.url)
        if secure and options.tls is None:
            raise ValueError(f"{options.url}: mqtts needs a TLS context")
        self.options = options
        self.connected = False
        self.connection = 0  # grows by one a connection
        self.last_trouble = ""
        self._on_connected, self._on_disconnected, self._on_message = on_connected, on_disconnected, on_message
        self._will = will
        self._dialler = Dialler(host, port, options.tls if secure else None)
        self._pending: dict[int, asyncio.Future[Puback]] = {}
        self._subscribing: dict[int, asyncio.Future[list[int]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._connected_s = math.inf
        self._ended: asyncio.Future[str] | None = None
        self._taken_over = False
        self._nudge = asyncio.Event()  # connect now, whatever the back-off
        self._paho = self._make_paho()
        self._line = Line(self._paho, self._published_to_us, self._end)

    # --- what callers do

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._loop = asyncio.get_running_loop()
        self._line.begin(self._loop)
        self._task = self._loop.create_task(self._run(), name=f"mqtt {self.options.client_id}")

    async def close(self, *, with_will: bool = False) -> None:
        """Says goodbye (with `with_will` the broker publishes the will) and ends within 4 s; never raises."""
        ended = self._ended
        if self.connected and ended is not None and not ended.done():
            self._paho.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=4) if with_will else None)
            await asyncio.wait([ended], timeout=2)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2)
        self._paho.abandon()
        self._forget()

    def redial(self, url: str, tls: ssl.SSLContext | None = None, source: str = "") -> None:
        """From now on by another way, at once: another address of the broker, or another way out (`source`, see
        `Dialler`). What is under way is lost, as when a connection ends."""
        host, port, secure = split_url(url)
        self._dialler = Dialler(host, port, tls if secure else None, source)
        self.drop()
        self._nudge.set()

    def drop(self) -> None:
        """Cuts the connection as a lost network would (simulators do); it is made again with back-off."""
        self._paho.abandon()
        self._end("dropped")

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        response_topic: str | None = None,
        correlation: bytes | None = None,
    ) -> asyncio.Future[Puback]:
        """Hands a message over. The future gives the broker's answer (for QoS 0: that it was written), or LOST when
        the connection ends first; without a connection it is LOST at once. It never raises."""
        future: asyncio.Future[Puback] = asyncio.get_running_loop().create_future()
        if not self.connected:
            future.set_result(LOST_PUBACK)
            return future
        properties = None
        if expiry_s is not None or response_topic is not None or correlation is not None:
            properties = properties_of(PacketTypes.PUBLISH)
            if expiry_s is not None:
                properties.MessageExpiryInterval = expiry_s
            if response_topic is not None:
                properties.ResponseTopic = response_topic
            if correlation is not None:
                properties.CorrelationData = correlation
        info = self._paho.publish(topic, payload, qos, retain, properties)
        if info.rc is not paho.MQTT_ERR_SUCCESS:
            future.set_result(Puback(LOST, paho.error_string(info.rc)))
        else:
            self._pending[info.mid] = future
        return future

    def say(self, topic: str, payload: bytes) -> None:
        """A plain message of QoS 0, of which nobody needs to know what became; nothing without a connection."""
        if self.connected:
            self._line.put(write_publish(topic, payload))

    def subscribe(self, topics: Sequence[tuple[str, int]], *, retain_handling: int = 0) -> asyncio.Future[list[int]]:
        """Asks for topics: (filter, QoS). The future gives a reason code each (0–2 granted); [] when lost.
        `retain_handling` 0 sends retained messages again, 1 only for a new subscription."""
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        asked = [(name, SubscribeOptions(qos=qos, retainHandling=retain_handling)) for name, qos in topics]
        code, mid = self._paho.subscribe(asked)
        if code is paho.MQTT_ERR_SUCCESS and mid is not None:
            self._subscribing[mid] = future
        else:
            future.set_result([])
        return future

    def ack(self, *messages: Message) -> bool:
        """Acknowledges by hand. False when nothing was sent, since they came on a connection that is no more."""
        mids = [each.mid for each in messages if each.qos and each.connection == self.connection]
        return self.connected and self._line.puback(mids)

    def pause(self) -> None:
        """Reads nothing more until `resume`: what comes waits in the sockets, and then at the broker. Receive Maximum
        alone does not bound it: Mosquitto 2.0 sends all that is queued once one message is acknowledged."""
        self._line.pause()

    def resume(self) -> None:
        """Reads again."""
        self._line.resume()

    # --- connecting

    def _make_paho(self) -> Paho:
        options = self.options
        made = Paho(
            CallbackAPIVersion.VERSION2,
            client_id=options.client_id,
            protocol=paho.MQTTv5,
            manual_ack=options.manual_ack,
        )
        if options.username is not None:
            made.username_pw_set(options.username, options.password)
        properties = properties_of(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = options.session_expiry_s
        properties.ReceiveMaximum = options.receive_maximum
        properties.MaximumPacketSize = options.maximum_packet_size
        made.connect_async(
            self._dialler.host,
            self._dialler.port,
            options.keepalive_s,
            clean_start=options.clean_start,
            properties=properties,
        )
        made.on_connect = self._connack
        made.on_disconnect = self._gone
        made.on_message = self._received
        made.on_publish = self._published
        made.on_subscribe = self._subscribed
        return made

    async def _run(self) -> None:
        delay_s = self.options.backoff_min_s
        while True:
            self._connected_s = math.inf
            reason = await self._one_connection()
            self.last_trouble = reason
            if clock.mono_s() - self._connected_s > _STEADY_S:
                delay_s = self.options.backoff_min_s
            wait_s = delay_s * random.uniform(0.5, 1.5)  # noqa: S311
            if self._taken_over:
                wait_s = max(wait_s, _TAKEN_OVER_WAIT_S * random.uniform(1, 2))  # noqa: S311
            delay_s = min(delay_s * 2, self.options.backoff_max_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._nudge.wait()
            self._nudge.clear()

    async def _one_connection(self) -> str:
        """From dialling to the end of the connection; gives why it ended."""
        options = self.options
        self._taken_over = False
        try:
            connection = await self._dial()
        except DialError as error:
            self._say_disconnected(str(error))
            return str(error)
        self._ended = ended = asyncio.Future[str]()
        self.connection += 1
        self._set_will()
        self._timer = self._loop.call_later(options.connect_timeout_s, self._connack_missing)
        try:
            self._paho.begin(connection, options.keepalive_s, options.max_inflight)
            await asyncio.wait([ended])
        except OSError as error:
            self._end(f"{options.url}: {error}")
        finally:
            self._timer.cancel()
            self._paho.abandon()
            self._end("closed")
        return ended.result()

    async def _dial(self) -> Connection:
        """Raises DialError; also when another way is to be taken meanwhile."""
        dialling = self._loop.create_task(self._dialler.dial(self.options.connect_timeout_s))
        nudged = self._loop.create_task(self._nudge.wait())
        try:
            await asyncio.wait({dialling, nudged}, return_when=asyncio.FIRST_COMPLETED)
            if dialling.done():
                return dialling.result()
            raise DialError("another way is taken")
        finally:
            nudged.cancel()
            dialling.cancel()

    def _connack_missing(self) -> None:
        self._paho.abandon()
        self._end(f"{self.options.url}: no CONNACK within {self.options.connect_timeout_s:g} s")

    def _look_after(self) -> None:
        """Pings, and notices a peer that is gone: with this step within 1.5 × keepalive."""
        if self._line.paused:
            self._paho.note_heard()  # for want of reading nothing can be said against the broker
        self._paho.loop_misc()
        if self.connected:
            self._timer = self._loop.call_later(max(0.2, self.options.keepalive_s / 5), self._look_after)

    def _set_will(self) -> None:
        if self._will is None:
            return
        will = self._will()
        properties = properties_of(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = will.delay_s
        self._paho.will_set(will.topic, will.payload, will.qos, will.retain, properties)

    def _end(self, reason: str) -> None:
        """The connection is over: once for each, whatever told us."""
        ended = self._ended
        if ended is None or ended.done():
            return
        ended.set_result(reason)
        self.connected = self._line.open = False
        self._forget()
        self._say_disconnected(reason)

    def _forget(self) -> None:
        pending, self._pending = self._pending, {}
        for future in pending.values():
            if not future.done():
                future.set_result(LOST_PUBACK)
        subscribing, self._subscribing = self._subscribing, {}
        for answer in subscribing.values():
            if not answer.done():
                answer.set_result([])

    def _say_disconnected(self, reason: str) -> None:
        _log.debug("disconnected client=%s reason=%r", self.options.client_id, reason)
        self._guarded(self._on_disconnected, reason)

    def _guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception:
            _log.exception("a callback failed client=%s", self.options.client_id)

    # --- what paho tells us

    def _connack(
        self, _client: object, _data: object, flags: paho.ConnectFlags, code: ReasonCode, properties: Properties | None
    ) -> None:
        if code.is_failure:
            self._end(f"{self.options.url}: refused: {code}")
            return
        self._paho.agree(properties)
        self.connected = self._line.open = True
        self._connected_s = clock.mono_s()
        if self._timer is not None:
            self._timer.cancel()
        self._look_after()
        _log.debug("connected client=%s session_present=%s", self.options.client_id, flags.session_present)
        self._guarded(self._on_connected, flags.session_present)

    def _gone(self, _client: object, _data: object, flags: Any, code: ReasonCode, _properties: object) -> None:
        self._taken_over = flags.is_disconnect_packet_from_server and code.value == TAKEN_OVER
        self._end(str(code))

    def _received(self, _client: object, _data: object, raw: paho.MQTTMessage) -> None:
        try:
            topic = raw.topic
        except UnicodeDecodeError:
            topic = ""
        properties = raw.properties
        message = Message(
            topic,
            bytes(raw.payload),
            raw.qos,
            raw.retain,
            raw.mid,
            self.connection,
            getattr(properties, "MessageExpiryInterval", None),
            getattr(properties, "ResponseTopic", None),
            getattr(properties, "CorrelationData", None),
        )
        self._guarded(self._on_message, message)

    def _published(self, _client: object, _data: object, mid: int, code: ReasonCode, _properties: object) -> None:
        future = self._pending.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(Puback(code.value, str(code)))

    def _subscribed(self, _client: object, _data: object, mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        future = self._subscribing.pop(mid, None)
        if future is not None and not future.done():
            future.set_result([code.value for code in codes])

    def _published_to_us(self, publish: Publish) -> None:
        message = Message(
            publish.topic,
            publish.payload,
            publish.qos,
            publish.retain,
            publish.mid,
            self.connection,
            publish.expiry_s,
        )
        self._guarded(self._on_message, message)
        if publish.qos and not self.options.manual_ack:
            self._line.puback([publish.mid])
