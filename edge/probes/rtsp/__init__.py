"""A camera's stream on RTSP: whether it is there, how it flows, and whether its picture is good."""

from edge.probes.rtsp.probe import RtspProbe

__all__ = ["RtspProbe"]
