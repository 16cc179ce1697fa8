"""A collector that tells OpenTelemetry what it does with a message: journal, decide, record, notify.

Loaded only where `[tracing] url` is set: a collector that traces nothing has not a line of this on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from collector.app import Collector, CollectorOptions
from collector.decisions import Decisions
from collector.facts import Step
from collector.intake import Taken
from collector.notify import Answer, Message
from collector.notify.provider import Provider, ProviderConfig
from shouwang import __version__
from shouwang.clock import Now, SystemClock
from shouwang.settings import SettingsError, Tracing
from shouwang.tracing import SpanName, Spans, TracingMissing, Value, is_sampled, name_of_incident, name_of_message

INCIDENTS_KEPT = 10_000


def traced(
    said: Tracing, ways: Mapping[str, Provider]
) -> tuple[Callable[[CollectorOptions], Collector], dict[str, Provider], Callable[[], None]]:
    """What makes the collector, its ways of telling people, and what is to be called at the end. Raises SettingsError
    where OpenTelemetry is not installed."""
    assert said.url is not None
    try:
        spans = Spans(said.url, "shouwang-collector", __version__)
    except TracingMissing as error:
        raise SettingsError(f"tracing.url: {error}") from error
    incidents = Incidents(spans)
    make = partial(TracedCollector, incidents=incidents, ratio=said.ratio)
    return make, {name: TracedWay(name, way, incidents) for name, way in ways.items()}, spans.close


class Incidents:
    """Under which span each incident stands: the message that opened it or, of one that only time opened, its own."""

    def __init__(self, spans: Spans) -> None:
        self.spans = spans
        self._known: dict[str, SpanName] = {}

    def opened_by(self, message: SpanName, step: Step, from_ms: int, to_ms: int) -> None:
        """A message had this effect on an incident; the first one is where the incident stands."""
        said: dict[str, Value] = {"shouwang.incident": step.incident.id, "shouwang.cause": str(step.incident.cause)}
        below = self.spans.below(message, f"incident {step.incident.cause}", from_ms, to_ms, said)
        self._keep(step.incident.id, below)

    def span_of(self, step: Step, now_ms: int) -> SpanName:
        """Where an incident stands; one that no message opened begins a trace of its own."""
        incident = step.incident
        known = self._known.get(incident.id)
        if known is not None:
            return known
        name = name_of_incident(incident.id)
        said: dict[str, Value] = {
            "shouwang.incident": incident.id,
            "shouwang.cause": str(incident.cause),
            "shouwang.path": incident.centre,
        }
        self.spans.first(name, f"incident {incident.cause}", incident.since_ms, now_ms, said)
        self._keep(incident.id, name)
        return name

    def known(self, incident_id: str) -> SpanName:
        return self._known.get(incident_id) or name_of_incident(incident_id)

    def _keep(self, incident_id: str, name: SpanName) -> None:
        self._known.setdefault(incident_id, name)
        if len(self._known) > INCIDENTS_KEPT:
            del self._known[next(iter(self._known))]


class TracedCollector(Collector):
    """`ratio`: of messages that are told; one that changed an incident always is."""

    def __init__(self, options: CollectorOptions, incidents: Incidents, ratio: float) -> None:
        super().__init__(options)
        self._incidents, self._spans, self._ratio = incidents, incidents.spans, ratio

    def _decide(self, taken: Taken, now: Now, stored: bool) -> None:
        row = taken.row
        if row is None:
            super()._decide(taken, now, stored)
            return
        waiting = self.deciding.pending.steps
        before = len(waiting)
        super()._decide(taken, now, stored)
        steps = waiting[before:]
        name = name_of_message(*row)
        if steps or is_sampled(name, self._ratio):
            self._say(name, taken, now, stored, steps)

    def _say(self, name: SpanName, taken: Taken, now: Now, stored: bool, steps: Sequence[Step]) -> None:
        done_ms = SystemClock().now().wall_ms
        said: dict[str, Value] = {
            "messaging.system": "mqtt",
            "shouwang.path": taken.path,
            "shouwang.held_ms": taken.held_ms,
        }
        refused = None if stored else "the journal takes nothing"
        received_ms = taken.received.wall_ms
        self._spans.below(name, "journal", received_ms, now.wall_ms, said, "consumer", refused)
        decided = self._spans.below(name, "decide", now.wall_ms, done_ms, {"shouwang.steps": len(steps)})
        for step in steps:
            self._incidents.opened_by(decided, step, now.wall_ms, done_ms)

    def _written(self, decided: Decisions, owed: list[str]) -> None:
        super()._written(decided, owed)
        now_ms = SystemClock().now().wall_ms
        for step in decided.steps:
            if step.owe is not None:
                span = self._incidents.span_of(step, now_ms)
                said: dict[str, Value] = {"shouwang.notification": step.notification_id, "shouwang.type": str(step.owe)}
                self._spans.below(span, "owe", now_ms, now_ms, said)


class TracedWay(Provider):
    """A provider whose tries are told. `incidents`: where each stands."""

    Config = ProviderConfig

    def __init__(self, name: str, way: Provider, incidents: Incidents) -> None:
        self._name, self._way, self._incidents = name, way, incidents

    @property
    def timeout_s(self) -> float:  # type: ignore[override]
        """The same as that of the way itself."""
        return self._way.timeout_s

    async def send(self, message: Message) -> Answer:
        began_ms = SystemClock().now().wall_ms
        answer = Answer(False, "cut short")
        try:
            answer = await self._way.send(message)
        finally:
            self._say(message, began_ms, answer)
        return answer

    async def close(self) -> None:
        await self._way.close()

    def _say(self, message: Message, began_ms: int, answer: Answer) -> None:
        incident = message.body.get("incident")
        id_ = str(incident.get("id") or "") if isinstance(incident, dict) else ""
        if not id_:
            return  # a test message
        said: dict[str, Value] = {
            "shouwang.notification": message.id,
            "shouwang.type": message.type,
            "shouwang.accepted": answer.accepted,
        }
        failed = None if answer.accepted else answer.text[:200]
        now_ms = SystemClock().now().wall_ms
        self._incidents.spans.below(
            self._incidents.known(id_), f"notify {self._name}", began_ms, now_ms, said, "client", failed
        )
