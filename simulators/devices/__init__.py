"""Single devices that speak their protocols on real sockets, and misbehave as asked."""
