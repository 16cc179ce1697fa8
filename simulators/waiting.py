"""Waits until something listens on a port of this machine, at next to no cost."""

from __future__ import annotations

import socket
import time

from shouwang import clock

WITHIN_S = 120.0
_LOOK_EVERY_S = 0.1


def wait_for_port(port: int, within_s: float = WITHIN_S) -> bool:
    """False when nothing listened in time."""
    limit_s = clock.mono_s() + within_s
    while clock.mono_s() < limit_s:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(_LOOK_EVERY_S)
        else:
            return True
    return False
