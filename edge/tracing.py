"""An uplink that tells OpenTelemetry of its messages: each probe, when the row was on disk, each publish.

Off unless `tracing.toml` stands in the state directory; then alone this module is loaded.

    url = "http://127.0.0.1:4318"   # an OTLP receiver (HTTP)
    ratio = 0.01                    # of messages; the same as the collector's. Calls, and what does not answer, always
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from edge.rows import Event, Reading, Row
from edge.told import unknown_in
from edge.uplink import Uplink
from shouwang import __version__
from shouwang.clock import Clock
from shouwang.mqtt import Puback
from shouwang.tracing import SpanName, Spans, TracingMissing, Value, is_sampled, name_of_message

READINGS_SHOWN = 50
"""So many readings of one message get a span of their own."""


class TracingFileError(ValueError):
    """The file is wrong; the message says where, and what to do."""


class TracingFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://\S+$")]
    ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01


class _Head(msgspec.Struct):
    boot: str
    seq: int


_head = msgspec.json.Decoder(_Head).decode


def load(path: Path) -> TracingFile | None:
    """What the file says; None where there is none. Raises TracingFileError."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
        if unknown := unknown_in(said, TracingFile):
            raise ValueError(unknown)
        return msgspec.convert(said, TracingFile)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # msgspec's and tomllib's errors are ValueErrors
        raise TracingFileError(f"{path}: {error}") from error


class TracedUplink(Uplink):
    """As an uplink, and says what it does. Raises TracingFileError where OpenTelemetry is not installed."""

    def __init__(self, said: TracingFile, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._ratio = said.ratio
        self._kept: dict[tuple[str, int], SpanName] = {}  # whose publishes are told, beside those of the ratio
        try:
            self._spans = Spans(said.url, "shouwang-agent", __version__, self.login.path)
        except TracingMissing as error:
            raise TracingFileError(str(error)) from error

    async def report(self, readings: Sequence[Reading]) -> list[Row]:
        began = self._clock.now()
        rows = await super().report(readings)
        taken = iter(readings)
        for row in rows:
            inside = [next(taken) for _ in range(row.readings)]
            name = name_of_message(row.boot, row.seq)
            failed = any(reading.fields.get("reachable") is False for reading in inside)
            if failed or is_sampled(name, self._ratio):
                self._say(name, row, [(each, each.fields) for each in inside], began.wall_ms, always=failed)
        return rows

    async def event(self, event: Event) -> Row:
        began = self._clock.now()
        row = await super().event(event)
        name = name_of_message(row.boot, row.seq)
        self._say(name, row, [(event, {"event": event.event})], began.wall_ms, always=True)
        return row

    async def stop(self) -> None:
        await super().stop()
        await asyncio.to_thread(self._spans.close)

    def _say(
        self,
        name: SpanName,
        row: Row,
        items: Sequence[tuple[Reading | Event, dict[str, Any]]],
        began_ms: int,
        *,
        always: bool,
    ) -> None:
        if always and not is_sampled(name, self._ratio):
            if len(self._kept) >= READINGS_SHOWN * 20:
                del self._kept[next(iter(self._kept))]
            self._kept[row.boot, row.seq] = name
        now_ms = self._clock.now().wall_ms
        spans = [_span_of(item, fields, self._clock) for item, fields in items[:READINGS_SHOWN]]
        first_ms = min((from_ms for _, from_ms, _, _ in spans), default=began_ms)
        said: dict[str, Value] = {"shouwang.path": self.login.path, "shouwang.boot": row.boot, "shouwang.seq": row.seq}
        what = "event" if row.is_event else "report"
        self._spans.first(name, what, first_ms, now_ms, {**said, "shouwang.readings": row.readings})
        for called, from_ms, to_ms, attributes in spans:
            self._spans.below(name, called, from_ms, to_ms, attributes)
        self._spans.below(name, "outbox", began_ms, now_ms, {})

    def _publish(self, is_event: bool, payload: bytes) -> asyncio.Future[Puback]:
        began_ms = self._clock.now().wall_ms
        answer = super()._publish(is_event, payload)
        head = _head(payload)
        name = name_of_message(head.boot, head.seq)
        if (head.boot, head.seq) in self._kept or is_sampled(name, self._ratio):
            said: dict[str, Value] = {"messaging.system": "mqtt", "messaging.message.body.size": len(payload)}

            def told(done: asyncio.Future[Puback]) -> None:
                failed = None if done.result().ok else done.result().reason
                self._spans.below(name, "publish", began_ms, self._clock.now().wall_ms, said, "producer", failed)

            answer.add_done_callback(told)
        return answer


def _span_of(item: Reading | Event, fields: dict[str, Any], clock: Clock) -> tuple[str, float, float, dict[str, Value]]:
    """What it is called, from when to when (epoch ms), and what is said of it: no value of a reading but whether the
    device answered."""
    now = clock.now()
    to_ms = now.wall_ms - (now.mono_s - item.taken_mono_s) * 1000
    latency_ms = fields.get("latency_ms")
    from_ms = to_ms - latency_ms if isinstance(latency_ms, int | float) else to_ms
    said: dict[str, Value] = {"shouwang.device": item.device, "shouwang.kind": item.kind}
    if isinstance(item, Event):
        return f"call {item.event}", from_ms, to_ms, said
    if "reachable" in fields:
        said["shouwang.reachable"] = bool(fields["reachable"])
    return f"probe {item.kind}", from_ms, to_ms, said
