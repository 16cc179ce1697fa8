"""Names of traces and spans, the same wherever they are made: 16 and 8 bytes of a hash (W3C Trace Context's sizes)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_HALF = 1 << 64


@dataclass(frozen=True, slots=True)
class SpanName:
    """A span, as others name it their parent: the trace (16 bytes) and itself (8 bytes), as integers."""

    trace: int
    span: int


def name_of_message(boot: str, seq: int) -> SpanName:
    """The first span of an agent's message (contract: a row of its outbox is known by boot and `seq`)."""
    return _named(f"shouwang/message/{boot}/{seq}")


def name_of_incident(incident_id: str) -> SpanName:
    """The first span of an incident that no message opened: a silence, an offline centre."""
    return _named(f"shouwang/incident/{incident_id}")


def is_sampled(name: SpanName, ratio: float) -> bool:
    """Whether a trace is among the `ratio` of all that are kept; agent and collector come to the same, without a word,
    where they have the same ratio (as OpenTelemetry's TraceIdRatioBased does)."""
    return name.trace % _HALF < ratio * _HALF


def _named(text: str) -> SpanName:
    hashed = hashlib.sha256(text.encode()).digest()
    return SpanName(int.from_bytes(hashed[:16], "big") or 1, int.from_bytes(hashed[16:24], "big") or 1)
