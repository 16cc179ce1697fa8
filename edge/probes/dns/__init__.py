"""DNS: asks a name server for a name, and checks what it answers."""

from edge.probes.dns.probe import DnsProbe, DnsSettings

__all__ = ["DnsProbe", "DnsSettings"]
