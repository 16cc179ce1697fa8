"""Anything with an address: does it answer an ICMP echo, and how quickly."""

from edge.probes.icmp.probe import IcmpProbe, Pinger

__all__ = ["IcmpProbe", "Pinger"]
