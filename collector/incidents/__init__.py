"""Incidents: one cause, one incident; shown at the limit, told after the time to tell. Pure: no clock, no I/O."""

from collector.incidents.incidents import Incidents
from collector.incidents.maintenance import Window

__all__ = ["Incidents", "Window"]
