"""ISO 8583: an echo to the host of a bank. It tells how our own link to it is, and nothing of a card or an amount."""

from edge.probes.iso8583.probe import Iso8583Probe

__all__ = ["Iso8583Probe"]
