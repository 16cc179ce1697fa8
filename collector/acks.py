"""When each agent is told what is stored: at most once a second, an event at once, reports gathered for a second."""

from __future__ import annotations

EVERY_S = 1.0


class AckSchedule:
    """Which paths are owed an ack, and when. Pure; times are monotonic seconds."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._sent: dict[str, float] = {}

    def stored(self, path: str, now_s: float, *, at_once: bool) -> None:
        """Something of this path was stored, or was a repeat."""
        earliest = self._sent.get(path, float("-inf")) + EVERY_S
        due = max(now_s if at_once else now_s + EVERY_S, earliest)
        known = self._due.get(path)
        if known is None or due < known:
            self._due[path] = due

    def due(self, now_s: float) -> list[str]:
        """The paths to ack now; they are taken as acked."""
        ready = [path for path, due in self._due.items() if due <= now_s]
        for path in ready:
            del self._due[path]
            self._sent[path] = now_s
        return ready

    def forget(self, now_s: float) -> None:
        """Drops what is older than it can matter."""
        self._sent = {path: sent for path, sent in self._sent.items() if now_s - sent < EVERY_S}
