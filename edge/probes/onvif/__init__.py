"""A camera or recorder on ONVIF: whether it answers, its clock, its stream, what it records."""

from edge.probes.onvif.probe import OnvifProbe

__all__ = ["OnvifProbe"]
