"""Tells whoever started this process how it is: READY=1, WATCHDOG=1, … (the sd_notify protocol, see sd_notify(3)).

The same under systemd and under `shouwang serve`. In a container there is nobody to tell: there SHOUWANG_ALIVE_FILE
names a file that is touched at each sign of life, for a health check to see its age. Without either it does nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

ALIVE_FILE = "SHOUWANG_ALIVE_FILE"
_lock = threading.Lock()
_open: tuple[str, socket.socket] | None = None


def notify(message: str, *, well: bool = True) -> bool:
    """Sends `READY=1`, `WATCHDOG=1`, `STATUS=…` or `STOPPING=1`. Never blocks, never raises; False: nobody was told.
    `well` False: who starts us again need not, but a health check shall see that something is wrong."""
    global _open
    if well and message in ("READY=1", "WATCHDOG=1"):
        _touch(os.environ.get(ALIVE_FILE, ""))
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


def _touch(path: str) -> None:
    if path:
        with contextlib.suppress(OSError):  # a file system that takes nothing more is found by its old date
            Path(path).touch()


def watchdog_s() -> float | None:
    """Within how many seconds a WATCHDOG=1 is expected; None where nobody expects any."""
    try:
        usec = int(os.environ["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    if os.environ.get("WATCHDOG_PID") not in (None, "", str(os.getpid())):
        return None
    return usec / 1_000_000
