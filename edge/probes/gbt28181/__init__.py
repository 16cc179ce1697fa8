"""A recorder, camera or call terminal that registers with the agent by GB/T 28181: keepalives, channels, alarms."""

from edge.probes.gbt28181.listener import Gbt28181Listener
from edge.probes.gbt28181.probe import Gbt28181Probe

__all__ = ["Gbt28181Listener", "Gbt28181Probe"]
