"""A receiver of traces by OTLP over HTTP, made of OpenTelemetry's own message types."""

import gzip
import http.server
import threading
from dataclasses import dataclass
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it arrived; ids in hexadecimal, times in epoch ms."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    from_ms: float
    to_ms: float
    said: dict[str, Any]
    failed: str


class Receiver:
    """A real HTTP server on loopback."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces"
                assert self.headers["content-type"] == "application/x-protobuf"
                outer.requests += 1
                outer.spans += _spans(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def named(self, name: str, **said: Any) -> list[Span]:
        """Spans of a name, of which all of that is said (`device` for `shouwang.device`)."""
        wanted = {f"shouwang.{key}": value for key, value in said.items()}
        return [span for span in list(self.spans) if span.name == name and wanted.items() <= span.said.items()]

    def above(self, span: Span) -> list[Span]:
        """Its parent, that one's parent, and so on."""
        by_id = {(each.trace, each.id): each for each in list(self.spans)}
        found: list[Span] = []
        while (parent := by_id.get((span.trace, span.parent))) is not None:
            found.append(parent)
            span = parent
        return found


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    found = []
    for of_resource in request.resource_spans:
        of_process = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            found += [
                Span(
                    of_process["service.name"],
                    each.name,
                    each.trace_id.hex(),
                    each.span_id.hex(),
                    each.parent_span_id.hex(),
                    each.start_time_unix_nano / 1e6,
                    each.end_time_unix_nano / 1e6,
                    _values(each.attributes),
                    each.status.message if each.status.code == 2 else "",
                )
                for each in of_scope.spans
            ]
    return found


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
