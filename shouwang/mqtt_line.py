"""Bytes between a connection and paho, on the loop: read in large pieces, plain messages past it, written in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho

from shouwang.dial import Connection
from shouwang.mqtt_paho import Paho
from shouwang.publishes import Publish

_PUBACK = b"\x40\x02"  # MQTT 5, 3.4.2.1: a reason of success is left out
_READ_PACKETS = 256  # a turn of the loop: then others get theirs


class Line:
    """The socket of a client, whichever it has. `hear` gets what was read past paho; `broken` why it can write no more.

    `open`: CONNACK was read, so that what follows may be read past paho.
    """

    def __init__(self, client: Paho, hear: Callable[[Publish], None], broken: Callable[[str], None]) -> None:
        self._paho, self._hear, self._broken = client, hear, broken
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        self.open = False
        self.paused = False
        client.on_socket_open = self._opened
        client.on_socket_close = self._closed
        client.on_socket_register_write = self._write_wanted
        client.on_socket_unregister_write = self._write_done

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on, on this loop."""
        self._loop = loop

    def put(self, packets: bytes) -> bool:
        """Whole packets go out past paho. False without a connection."""
        connection = self._paho.socket()
        if not packets or not isinstance(connection, Connection):
            return False
        connection.put(packets)
        self._paho.note_said()
        self._write_wanted(None, None, connection)
        return True

    def puback(self, mids: Sequence[int]) -> bool:
        """Acknowledges messages. False when there is none, or no connection."""
        return self.put(b"".join([_PUBACK + mid.to_bytes(2, "big") for mid in mids]))

    def pause(self) -> None:
        """Reads nothing more until `resume`."""
        connection = self._paho.socket()
        if not self.paused and isinstance(connection, Connection):
            self.paused = True
            self._on_loop.remove_reader(connection.fileno())

    def resume(self) -> None:
        """Reads again."""
        if self.paused:
            self.paused = False
            connection = self._paho.socket()
            if isinstance(connection, Connection):
                self._opened(None, None, connection)
                self._on_loop.call_soon(self._readable, connection)

    @property
    def _on_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "begin comes first"
        return self._loop

    # --- what paho tells us

    def _opened(self, _client: object, _data: object, sock: Any) -> None:
        self.paused = False
        self._on_loop.add_reader(sock.fileno(), self._readable, sock)

    def _closed(self, _client: object, _data: object, sock: Any) -> None:
        self._on_loop.remove_reader(sock.fileno())
        self._on_loop.remove_writer(sock.fileno())

    def _write_wanted(self, _client: object, _data: object, _sock: Any) -> None:
        # Most packets go out at once: no need to trouble the selector for them.
        if not self._flushing:
            self._flushing = True
            self._on_loop.call_soon(self._flush)

    def _write_done(self, _client: object, _data: object, sock: Any) -> None:
        self._on_loop.remove_writer(sock.fileno())

    # --- in and out

    def _readable(self, connection: Connection) -> None:
        for _ in range(_READ_PACKETS):
            if self.paused or self._paho.socket() is not connection:
                return
            if self.open and self._paho.between_packets:
                publish = connection.publish()
                if publish is not None:
                    self._paho.note_heard()
                    self._hear(publish)
                    if not connection.waiting():
                        return
                    continue
            if self._paho.loop_read() is not paho.MQTT_ERR_SUCCESS or not connection.waiting():
                return
        self._on_loop.call_soon(self._readable, connection)

    def _flush(self) -> None:
        """Everything that was queued in this turn of the loop goes out in one piece."""
        self._flushing = False
        connection = self._paho.socket()
        if not isinstance(connection, Connection):
            return
        connection.gather()
        self._paho.loop_write()
        self._drain(connection)

    def _drain(self, connection: Connection) -> None:
        if self._paho.socket() is not connection:
            return
        try:
            sent = connection.flush()
        except OSError as error:
            self._paho.abandon()
            self._broken(str(error))
            return
        if sent:
            self._on_loop.remove_writer(connection.fileno())
            if self._paho.want_write():
                self._write_wanted(None, None, connection)
        else:
            self._on_loop.add_writer(connection.fileno(), self._drain, connection)
