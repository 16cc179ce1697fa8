"""NTP: how far the clock of the agent's machine is off, as a time server sees it."""

from edge.probes.ntp.probe import NtpProbe, NtpSettings

__all__ = ["NtpProbe", "NtpSettings"]
