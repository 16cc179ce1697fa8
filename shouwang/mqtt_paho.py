"""paho-mqtt's client as ours needs it: on a connection that is already made, and with packets that pass it by."""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.properties import Properties

from shouwang.dial import Connection


def properties_of(packet_type: int) -> Any:
    """An empty set of properties for a packet."""
    return Properties(packet_type)  # type: ignore[no-untyped-call]


class Paho(paho.Client):
    """paho's client on a connection that is already made, looking after keepalive in half its time."""

    dialled: Connection | None = None

    def _create_socket(self) -> Connection:
        if self.dialled is None:
            raise RuntimeError("no connection was made")
        connection, self.dialled = self.dialled, None
        return connection

    def agree(self, properties: Properties | None) -> None:
        """After CONNACK: the broker's limits are ours; a dead peer is to be seen within 1.5 × keepalive."""
        allowed = getattr(properties, "ReceiveMaximum", None)
        if allowed:
            self._max_inflight_messages = min(self._max_inflight_messages, int(allowed))
        if self._keepalive:
            self._keepalive = max(1, self._keepalive // 2)

    def begin(self, connection: Connection, keepalive_s: int, max_inflight: int) -> None:
        """Sends CONNECT on it; what was under way before is forgotten."""
        self.drop_out_messages()
        self.dialled = connection
        self._keepalive = keepalive_s
        self._max_inflight_messages = max_inflight
        self.reconnect()

    @property
    def between_packets(self) -> bool:
        """It has not begun to read one: the next may be read past it."""
        return bool(self._in_packet["command"] == 0)

    def note_heard(self) -> None:
        """Something was read past it: the broker is there."""
        self._last_bytes_received = paho.time_func()

    def note_said(self) -> None:
        """Something was sent past it: the broker has a sign of us."""
        self._last_msg_out = paho.time_func()

    def abandon(self) -> None:
        """Ends the connection without a word, as a lost one ends."""
        self._sock_close()
