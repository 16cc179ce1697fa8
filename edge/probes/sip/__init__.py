"""A call terminal on SIP: answers OPTIONS, is registered with the agent, or both."""

from edge.probes.sip.listener import SipListener
from edge.probes.sip.probe import SipProbe

__all__ = ["SipListener", "SipProbe"]
