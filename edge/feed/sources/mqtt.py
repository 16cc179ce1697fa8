"""Hears a platform's own broker; a message is acknowledged when what it gave is on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from edge.feed.mapping import Mqtt
from edge.feed.meaning import Aside
from edge.feed.sources.source import NotToldError, Source, Take
from edge.secrets import Secrets
from shouwang.clock import Clock
from shouwang.dial import tls_context
from shouwang.mqtt import Message, MqttClient, MqttOptions, split_url

_WAITING_MAX = 256
_LOOK_S = 10.0


class MqttSource(Source):
    """A session that stays (Clean Start 0): what comes while we are away waits at their broker."""

    def __init__(self, said: Mqtt, secrets: Secrets, find: Callable[[Any], list[Any]], clock: Clock) -> None:
        super().__init__(find, clock)
        self._said = said
        secure = split_url(said.url)[2]
        self._messages: asyncio.Queue[Message] = asyncio.Queue(_WAITING_MAX)
        self._client = MqttClient(
            MqttOptions(
                url=said.url,
                client_id=said.client_id,
                username=said.username or None,
                password=secrets.reveal(said.password) if said.password else None,
                tls=tls_context(Path(said.ca_file) if said.ca_file else None) if secure else None,
                clean_start=False,
                session_expiry_s=86_400,
                receive_maximum=_WAITING_MAX // 2,
                manual_ack=True,
            ),
            on_connected=self._connected,
            on_disconnected=lambda reason: self.ill(NotToldError("no_answer", f"their broker: {reason}")),
            on_message=self._came,
        )

    async def once(self) -> list[Any]:
        raise NotToldError("no_answer", "this platform sends to us: give what it sends with --from FILE")

    async def run(self, take: Take) -> None:
        self._client.start()
        try:
            while True:
                try:
                    async with asyncio.timeout(_LOOK_S):
                        message = await self._messages.get()
                except TimeoutError:
                    if self._client.connected:
                        self.well()  # nothing to say is said, too
                    continue
                await self._one(message, take)
        finally:
            await self._client.close()

    async def _one(self, message: Message, take: Take) -> None:
        try:
            await take(self.find(msgspec.json.decode(message.payload)))
        except NotToldError as error:
            self.aside(error.aside)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self.aside(Aside("malformed", f"{message.topic[:80]}: its JSON cannot be read: {error}"))
        self._client.ack(message)
        self.well()

    def _connected(self, session_present: bool) -> None:
        self._client.subscribe([(topic, 1) for topic in self._said.topics])
        self.well()

    def _came(self, message: Message) -> None:
        if self._messages.full():  # it was not acknowledged: their broker sends it again
            self._client.drop()
        else:
            self._messages.put_nowait(message)
