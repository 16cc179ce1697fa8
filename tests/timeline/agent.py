"""An agent played by hand: it says exactly what a test wants, in the contract's words."""

import asyncio
import json
import uuid
from typing import Any

from shouwang import clock
from shouwang.mqtt import Message, MqttClient, MqttOptions, Puback, Will

REGION = "150525"


class Agent:
    """One centre's agent (or a feed). `acks` is the latest ack; `configs` and `commands` what was received."""

    def __init__(
        self, url: str, centre: str, boot: str | None = None, will_delay_s: int = 1, password: str | None = None
    ) -> None:
        self.centre = centre
        self.boot = boot or str(uuid.uuid4())
        self.seq = 0
        self.connections = 0
        self.acks: dict[str, list[list[int]]] = {}
        self.configs: list[dict[str, Any]] = []
        self.commands: list[dict[str, Any]] = []
        self.answer: dict[str, Any] | None = None
        """The reading to answer probes with; None: no answer."""
        self._delay_s = will_delay_s
        self._heard = asyncio.Event()
        options = MqttOptions(
            url,
            client_id=centre,
            username=None if password is None else centre,
            password=password,
            keepalive_s=5,
            backoff_min_s=0.1,
            backoff_max_s=0.5,
        )
        self.client = MqttClient(options, on_connected=self._connected, on_message=self._received, will=self._will)

    async def start(self) -> "Agent":
        self.client.start()
        await self.until(lambda: self.client.connected)
        await asyncio.sleep(0)
        return self

    async def stop(self) -> None:
        await self.client.close()

    async def report(self, *readings: dict[str, Any], seq: int | None = None, **head: Any) -> Puback:
        """Publishes one row; `seq` given is a row sent again (or a hole)."""
        self.seq = self.seq + 1 if seq is None else max(self.seq, seq)
        said = {
            "v": 1,
            "boot": self.boot,
            "seq": seq or self.seq,
            "oldest": 1,
            "sent_at_ms": clock.wall_ms(),
            "readings": list(readings),
        }
        return await self._publish("report", said | head)

    async def event(self, event: str, device: str, seq: int | None = None, **head: Any) -> Puback:
        self.seq = self.seq + 1 if seq is None else max(self.seq, seq)
        said = {
            "v": 1,
            "boot": self.boot,
            "seq": seq or self.seq,
            "oldest": 1,
            "id": str(uuid.uuid4()),
            "sent_at_ms": clock.wall_ms(),
            "device": device,
            "kind": "call_terminal",
            "event": event,
            "age_ms": 0,
            "detail": {},
        }
        return await self._publish("event", said | head)

    async def send(self, channel: str, payload: bytes) -> Puback:
        """Anything at all."""
        return await self.client.publish(self._topic(channel), payload, expiry_s=604_800)

    async def until_acked(self, *seqs: int, within_s: float = 10) -> None:
        def acked() -> bool:
            ranges = self.acks.get(self.boot, [])
            return all(any(low <= seq <= high for low, high in ranges) for seq in seqs or (self.seq,))

        await self.until(acked, within_s)

    async def until(self, holds: Any, within_s: float = 10) -> None:
        """Waits until something holds; looks again whenever a message comes."""
        async with asyncio.timeout(within_s):
            while not holds():
                self._heard.clear()
                try:
                    await asyncio.wait_for(self._heard.wait(), 0.05)
                except TimeoutError:
                    continue

    def _topic(self, channel: str) -> str:
        return f"shouwang/v1/{REGION}/{self.centre}/{channel}"

    async def _publish(self, channel: str, said: dict[str, Any]) -> Puback:
        return await self.client.publish(self._topic(channel), json.dumps(said).encode(), expiry_s=604_800)

    def presence(self, online: bool, reason: str) -> bytes:
        return json.dumps(
            {
                "v": 1,
                "online": online,
                "boot": self.boot,
                "connection": self.connections,
                "agent_version": "1.0.0",
                "reason": reason,
                "at_ms": clock.wall_ms(),
            }
        ).encode()

    def _will(self) -> Will:
        self.connections += 1
        return Will(self._topic("presence"), self.presence(False, "lost"), delay_s=self._delay_s)

    def _connected(self, _present: bool) -> None:
        self.client.subscribe([(self._topic(channel), 1) for channel in ("ack", "config", "command")])
        self.client.publish(self._topic("presence"), self.presence(True, "started"), retain=True)
        self._heard.set()

    def _received(self, message: Message) -> None:
        said = json.loads(message.payload)
        channel = message.topic.rsplit("/", 1)[1]
        if channel == "ack":
            self.acks = said["boots"]
        elif channel == "config":
            self.configs.append(said)
        else:
            self.commands.append(said)
            if self.answer is not None:
                reply = {"v": 1, "id": said["id"], "ok": True, "reading": self.answer}
                self.client.publish(
                    message.response_topic or "", json.dumps(reply).encode(), correlation=message.correlation
                )
        self._heard.set()


def terminal(device: str = "call-01", age_ms: int | None = 0, **fields: Any) -> dict[str, Any]:
    """A good reading of a call terminal; fields change it."""
    return {
        "device": device,
        "kind": "call_terminal",
        "age_ms": age_ms,
        "reachable": True,
        "mains_power": True,
    } | fields
