"""Any port over TLS: whether its certificate is trusted, and how many days it is still good."""

from edge.probes.tls.connecting import Connected, client_context, connect
from edge.probes.tls.probe import TlsProbe

__all__ = ["Connected", "TlsProbe", "client_context", "connect"]
