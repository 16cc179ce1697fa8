"""A social alarm terminal that speaks SCAIP (SS 91100, CLC/TS 50134-9): heartbeats, calls for help, battery, mains."""

from edge.probes.scaip.listener import ScaipListener

__all__ = ["ScaipListener"]
