"""The machine that the agent runs on, its way out, and what stands beside it: what a `site` reading says."""

from edge.probes.host.parts import Part
from edge.probes.host.probe import HostProbe, HostSettings

__all__ = ["HostProbe", "HostSettings", "Part"]
