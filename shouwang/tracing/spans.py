"""Spans with given names and times, sent by OpenTelemetry's SDK (OTLP over HTTP) from a thread of its own: a receiver
that is slow or gone costs spans, and never waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shouwang.tracing.naming import SpanName

if TYPE_CHECKING:
    from opentelemetry.trace import SpanKind

_QUEUE_MAX = 4_096
_AT_ONCE = 512
_EVERY_MS = 1_000
_TIMEOUT_S = 5.0

Value = str | bool | int | float


class TracingMissing(Exception):
    """Traces are wanted, and OpenTelemetry is not installed; the message says how to get it."""


class Spans:
    """Emits spans that are over. Safe from any thread; never waits for the receiver.

    `url`: of the receiver, without `/v1/traces`. `service`: what this process is called; `instance`: which of them.
    """

    def __init__(self, url: str, service: str, version: str, instance: str = "") -> None:
        try:
            import requests
            from opentelemetry import trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
            from opentelemetry.sdk.trace.sampling import ALWAYS_ON
        except ImportError as error:
            raise TracingMissing(
                f"traces are wanted, but {error.name} is not installed: pip install -r requirements/tracing.txt"
            ) from error

        class Given(RandomIdGenerator):
            """The names that a span is to have; whatever is not given is drawn."""

            trace = span = 0

            def generate_trace_id(self) -> int:
                taken, self.trace = self.trace, 0
                return taken or super().generate_trace_id()

            def generate_span_id(self) -> int:
                taken, self.span = self.span, 0
                return taken or super().generate_span_id()

        self._api = trace
        self._given = Given()
        self._one_at_a_time = threading.Lock()
        named: dict[str, Any] = {"service.name": service, "service.version": version}
        if instance:
            named["service.instance.id"] = instance
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource(named), id_generator=self._given, shutdown_on_exit=False
        )
        session = requests.Session()
        session.trust_env = False
        exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=_TIMEOUT_S, session=session)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter,
                max_queue_size=_QUEUE_MAX,
                max_export_batch_size=_AT_ONCE,
                schedule_delay_millis=_EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("shouwang", version)

    def first(self, name: SpanName, what: str, from_ms: float, to_ms: float, said: Mapping[str, Value]) -> None:
        """The first span of a trace, under its given name. Times are epoch milliseconds."""
        with self._one_at_a_time:
            self._given.trace, self._given.span = name.trace, name.span
            self._emit(what, None, from_ms, to_ms, said, self._api.SpanKind.INTERNAL)

    def below(
        self,
        parent: SpanName,
        what: str,
        from_ms: float,
        to_ms: float,
        said: Mapping[str, Value],
        kind: str = "internal",
        failed: str | None = None,
    ) -> SpanName:
        """A span under another, which may be another process's; gives its name. `kind`: internal, producer, consumer,
        client. `failed`: why it came to nothing."""
        context = self._api.SpanContext(
            parent.trace, parent.span, is_remote=True, trace_flags=self._api.TraceFlags(self._api.TraceFlags.SAMPLED)
        )
        with self._one_at_a_time:
            self._given.trace = self._given.span = 0
            own = self._emit(what, context, from_ms, to_ms, said, self._api.SpanKind[kind.upper()], failed)
        return SpanName(parent.trace, own)

    def close(self) -> None:
        """Sends what is waiting, within a few seconds."""
        self._provider.shutdown()

    def _emit(
        self,
        what: str,
        parent: Any,
        from_ms: float,
        to_ms: float,
        said: Mapping[str, Value],
        kind: SpanKind,
        failed: str | None = None,
    ) -> int:
        api = self._api
        around = None if parent is None else api.set_span_in_context(api.NonRecordingSpan(parent))
        span = self._tracer.start_span(
            what, around or api.context_api.Context(), kind, dict(said), start_time=round(from_ms * 1e6)
        )
        if failed is not None:
            span.set_status(api.StatusCode.ERROR, failed)
        span.end(round(max(from_ms, to_ms) * 1e6))
        return span.get_span_context().span_id
