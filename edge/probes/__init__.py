"""How devices are asked: one file a protocol, found by its name, loaded when a device needs it.

A newcomer is a file `edge/probes/<driver>.py` with one class that is a `Probe`; nothing else is touched.
"""

from edge.probing import Answer, Around, NoDriverError, Probe, ProbeConfigError, drivers, load_driver

__all__ = ["Answer", "Around", "NoDriverError", "Probe", "ProbeConfigError", "drivers", "load_driver"]
