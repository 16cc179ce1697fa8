"""A whole centre of devices on real sockets, each at an address of its own, for the agent as it is installed."""

from simulators.centre.plan import Standing, standing
from simulators.centre.running import SimulatedCentre

__all__ = ["SimulatedCentre", "Standing", "standing"]
