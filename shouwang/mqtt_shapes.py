"""What the MQTT client is told and what it gives: options, will, messages, and what became of a publish."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOST = 0x1FF
NOT_AUTHORIZED = 0x87
TAKEN_OVER = 0x8E


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says when the client is gone for `delay_s`."""

    topic: str
    payload: bytes
    retain: bool = True
    qos: int = 1
    delay_s: int = 20


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """How to connect. `url`: `mqtt://host[:port]`, or `mqtts://` with `tls`. Times in seconds."""

    url: str
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    clean_start: bool = False
    session_expiry_s: int = 3600
    keepalive_s: int = 20
    receive_maximum: int = 256
    maximum_packet_size: int = 1_200_000
    max_inflight: int = 64  # of ours, towards the broker; never more than the broker allows
    manual_ack: bool = False
    connect_timeout_s: float = 10.0
    backoff_min_s: float = 1.0
    backoff_max_s: float = 60.0


@dataclass(slots=True)
class Message:
    """Something received. `expiry_s` is what remains of its Message Expiry, None where it has none."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    connection: int  # of this client; `ack` needs it
    expiry_s: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Puback:
    """What became of a publish: an MQTT 5 reason code, or LOST (the connection ended first)."""

    code: int
    reason: str

    @property
    def ok(self) -> bool:
        return self.code < 0x80


LOST_PUBACK = Puback(LOST, "connection lost")


def split_url(url: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS, of `mqtt://host:1883` or `mqtts://host:8883`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError(f"broker address {url!r}: expected mqtt://host:port or mqtts://host:port")
    if parts.username or parts.password:
        raise ValueError("broker address: user and password belong in the settings, not in the address")
    secure = parts.scheme == "mqtts"
    return parts.hostname, parts.port or (8883 if secure else 1883), secure
