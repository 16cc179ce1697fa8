"""The watch: from what is heard, and from time passing, to transitions. Pure: no clock, no I/O."""

from collector.watch.watch import Watch

__all__ = ["Watch"]
