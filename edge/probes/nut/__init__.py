"""NUT: what a UPS says through a Network UPS Tools server: mains, battery, runtime."""

from edge.probes.nut.probe import NutProbe, NutSettings

__all__ = ["NutProbe", "NutSettings"]
