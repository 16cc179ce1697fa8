"""Any port over TCP: does it take a connection, and how quickly."""

from edge.probes.tcp.probe import TcpProbe, said

__all__ = ["TcpProbe", "said"]
