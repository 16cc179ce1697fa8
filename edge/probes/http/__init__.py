"""Anything with a page: its status, and values in its JSON; and anything that can call a page, of the agent."""

from edge.probes.http.listener import HttpListener
from edge.probes.http.probe import HttpProbe

__all__ = ["HttpListener", "HttpProbe"]
