"""Anything with a page: its status, and where it gives JSON, values in it."""

from edge.probes.http.probe import HttpProbe

__all__ = ["HttpProbe"]
