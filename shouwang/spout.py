"""Lines to standard error that never make the writer wait: a terminal that is stopped must not stop the watch.

When the reader is slower than what is said, the oldest lines go, and how many went is said.
"""

from __future__ import annotations

import os
import threading
from collections import deque

LINES_MAX = 2_000
CLOSE_WITHIN_S = 1.0


class Spout:
    """`put` a line from any thread; a thread of its own writes it to the file descriptor."""

    def __init__(self, descriptor: int = 2, lines_max: int = LINES_MAX) -> None:
        self._descriptor = descriptor
        self._lines: deque[str] = deque(maxlen=lines_max)
        self._lost = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="spout", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Never waits for the reader."""
        with self._changed:
            self._lost += len(self._lines) == self._lines.maxlen
            self._lines.append(line)
            self._changed.notify()

    def close(self) -> None:
        """Writes what is left, if the reader takes it in time."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_WITHIN_S)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._closing:
                    self._changed.wait()
                if not self._lines:
                    return
                lines, lost = list(self._lines), self._lost
                self._lines.clear()
                self._lost = 0
            if lost:
                lines.insert(0, f"({lost} lines were not written: whoever reads this is too slow)")
            data = memoryview("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                self._lost += len(lines)
            except OSError:
                return  # nobody reads any more
