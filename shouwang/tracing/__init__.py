"""Traces of one message from the probe to the notification, for OpenTelemetry; off unless asked for.

Nothing of it goes over the wire: a message is known by (boot, seq), and both its trace and its first span are named
from that, here as there. Whoever is not asked to trace loads nothing of this but the names.
"""

from shouwang.tracing.naming import SpanName, is_sampled, name_of_incident, name_of_message
from shouwang.tracing.spans import Spans, TracingMissing, Value

__all__ = ["SpanName", "Spans", "TracingMissing", "Value", "is_sampled", "name_of_incident", "name_of_message"]
