"""Tells whoever started this process how it is: READY=1, WATCHDOG=1, … (the sd_notify protocol, see sd_notify(3)).

The same under systemd and under `shouwang serve`. Without a NOTIFY_SOCKET it does nothing.
"""

from __future__ import annotations

import os
import socket
import threading

_lock = threading.Lock()
_open: tuple[str, socket.socket] | None = None


def notify(message: str) -> bool:
    """Sends `READY=1`, `WATCHDOG=1`, `STATUS=…` or `STOPPING=1`. Never blocks, never raises; False: nobody was told."""
    global _open
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with _lock:
        try:
            if _open is None or _open[0] != address:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                sock.setblocking(False)
                sock.connect("\0" + address[1:] if address.startswith("@") else address)
                _open = (address, sock)
            _open[1].send(message.encode())
        except OSError:  # the listener is gone, or its queue is full: it will miss us, which is its purpose
            if _open is not None:
                _open[1].close()
                _open = None
            return False
    return True


def watchdog_s() -> float | None:
    """Within how many seconds a WATCHDOG=1 is expected; None where nobody expects any."""
    try:
        usec = int(os.environ["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    if os.environ.get("WATCHDOG_PID") not in (None, "", str(os.getpid())):
        return None
    return usec / 1_000_000
