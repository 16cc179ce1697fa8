"""Any port over TLS: whether its certificate is trusted, and how many days it is still good."""

from edge.probes.tls.probe import TlsProbe, client_context, not_after_ms

__all__ = ["TlsProbe", "client_context", "not_after_ms"]
